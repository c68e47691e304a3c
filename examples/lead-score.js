// Scores a sales lead from 0 to 100 and says why. Rules are data: each has a reason, points and a test.

const FREE_MAIL = new Set(['gmail.com', 'outlook.com', 'yahoo.com', 'gmx.net']);
const domain = input.email.split('@').at(-1).toLowerCase();

const rules = [
  ['company address', 15, lead => !FREE_MAIL.has(domain)],
  ['decides about budgets', 25, lead => /\b(chief|head|director|vp|c[etfo]o)\b/i.test(lead.title)],
  ['company of a fitting size', 20, lead => lead.employees >= 50 && lead.employees <= 5000],
  ['asked for a price', 20, lead => lead.visits.some(visit => visit.path.startsWith('/pricing'))],
  ['came back', 10, lead => new Set(lead.visits.map(visit => visit.day)).size > 1],
  ['opened three mails or more', 10, lead => lead.mailsOpened >= 3],
  ['unsubscribed', -40, lead => lead.unsubscribed],
  ['a student', -30, lead => /student|intern/i.test(lead.title) || domain.endsWith('.edu')],
];

const matched = rules.filter(([, , test]) => test(input));
const sum = matched.reduce((total, [, points]) => total + points, 0);
const score = Math.min(100, Math.max(0, sum));
const grade = score >= 70 ? 'hot' : score >= 40 ? 'warm' : 'cold';

console.info(`lead ${input.email}: ${score} (${grade})`);

({ score, grade, reasons: matched.map(([reason, points]) => ({ reason, points })) });
