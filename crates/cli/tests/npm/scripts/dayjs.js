dayjs.extend(dayjs_plugin_utc);
dayjs.extend(dayjs_plugin_customParseFormat);
dayjs.extend(dayjs_plugin_relativeTime);
const start = dayjs.utc('2024-02-28T22:15:30.123Z');
({
  formatted: start.format('dddd, D MMMM YYYY HH:mm:ss.SSS'),
  later: [start.add(2, 'day').toISOString(), start.add(1, 'month').format('YYYY-MM-DD'), start.endOf('month').format('YYYY-MM-DD')],
  difference: [dayjs.utc('2024-03-15').diff(start, 'day'), dayjs.utc('2025-02-28').diff(start, 'year', true).toFixed(3)],
  parsed: dayjs('31.12.2024 18:05', 'DD.MM.YYYY HH:mm').format('YYYY-MM-DDTHH:mm'),
  strict: dayjs('2024-13-01', 'YYYY-MM-DD', true).isValid(),
  relative: start.from(dayjs.utc('2024-02-27T22:15:30Z')),
  compared: [start.isBefore('2024-03-01'), start.isSame('2024-02-28', 'day'), start.isValid()],
  parts: [start.year(), start.month(), start.date(), start.day(), start.hour(), start.valueOf()],
})
