// Merges customers that are the same person: equal e-mail address or equal phone number, once both are normalised.
// "Same as" is transitive (A shares an address with B, B a number with C), hence the union-find.

function normaliseEmail(email) {
  if (!email?.includes('@')) return null;
  const [name, domain] = email.trim().toLowerCase().split('@');
  // A tag after `+` is the same mailbox everywhere; dots are only at Gmail.
  const mailbox = name.split('+')[0];
  return `${domain === 'gmail.com' ? mailbox.replaceAll('.', '') : mailbox}@${domain}`;
}

function normalisePhone(phone, countryCode) {
  const digits = (phone ?? '').replace(/[^\d+]/g, '');
  if (digits.length < 6) return null;
  if (digits.startsWith('+')) return digits;
  if (digits.startsWith('00')) return `+${digits.slice(2)}`;
  return `+${countryCode}${digits.replace(/^0/, '')}`;
}

const customers = input.customers;
const parent = customers.map((_, index) => index);
const find = index => (parent[index] === index ? index : (parent[index] = find(parent[index])));

const owners = new Map();
customers.forEach((customer, index) => {
  const email = normaliseEmail(customer.email);
  const phone = normalisePhone(customer.phone, input.countryCode);
  for (const key of [email, phone]) {
    if (key === null) continue;
    if (owners.has(key)) parent[find(index)] = find(owners.get(key));
    else owners.set(key, index);
  }
});

const groups = new Map();
customers.forEach((customer, index) => {
  const root = find(index);
  groups.set(root, [...(groups.get(root) ?? []), customer]);
});

// The newest value of each field wins, but nothing never replaces something.
function merge(group) {
  const merged = {};
  for (const customer of [...group].sort((a, b) => a.updated - b.updated)) {
    for (const [key, value] of Object.entries(customer)) {
      if (value !== null && value !== '') merged[key] = value;
    }
  }
  return { ...merged, id: Math.min(...group.map(customer => customer.id)), merged: group.map(customer => customer.id) };
}

const unique = [...groups.values()].map(merge).sort((a, b) => a.id - b.id);
console.info(`${customers.length} customers, ${unique.length} of them different`);
unique;
