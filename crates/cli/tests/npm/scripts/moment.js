const start = moment.utc('2024-02-28T22:15:30Z');
({
  formatted: [start.format('dddd, MMMM Do YYYY, h:mm:ss a'), start.toISOString()],
  later: start.clone().add(2, 'days').subtract(1, 'hour').format(),
  calendar: start.clone().add(1, 'day').calendar(start),
  difference: [moment.utc('2024-03-15').diff(start, 'days'), moment.duration(90061, 'seconds').humanize(), moment.duration('PT1H30M').asMinutes()],
  parsed: moment.utc('31/12/2024 18:05', 'DD/MM/YYYY HH:mm', true).toISOString(),
  invalid: moment.utc('2024-02-30', 'YYYY-MM-DD', true).isValid(),
  edges: [start.clone().startOf('isoWeek').format('YYYY-MM-DD'), start.clone().endOf('quarter').format('YYYY-MM-DD'), start.isoWeek(), start.dayOfYear()],
  relative: start.from(moment.utc('2024-03-01T00:00:00Z')),
  between: start.isBetween('2024-02-01', '2024-03-01'),
})
