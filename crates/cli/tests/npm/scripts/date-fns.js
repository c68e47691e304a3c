const { addDays, addMonths, differenceInCalendarDays, eachDayOfInterval, endOfMonth, format, formatDistance, formatISO, isAfter, isValid, parse, parseISO, startOfWeek } = dateFns;
const start = parseISO('2024-02-28T22:15:30Z');
({
  formatted: [format(start, "EEEE, do MMMM yyyy HH:mm:ss"), format(start, 'yyyy-MM-dd'), formatISO(start, { representation: 'date' })],
  later: [addDays(start, 2).toISOString(), addMonths(start, 12).toISOString(), endOfMonth(start).toISOString()],
  difference: differenceInCalendarDays(parseISO('2024-03-15'), start),
  distance: formatDistance(start, addDays(start, 45), { addSuffix: true }),
  parsed: parse('31.12.2024 18:05', 'dd.MM.yyyy HH:mm', new Date(0)).toISOString(),
  invalid: isValid(parse('2024-02-30', 'yyyy-MM-dd', new Date(0))),
  week: startOfWeek(start, { weekStartsOn: 1 }).toISOString(),
  days: eachDayOfInterval({ start, end: addDays(start, 2) }).length,
  after: isAfter(start, parseISO('2024-02-28')),
})
