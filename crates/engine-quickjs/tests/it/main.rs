//! QuickJS against the contract: the conformance suite, the hostile scripts, and what only threads show.

mod conformance;
mod corpus;
mod hostile;
mod rows;
mod threads;
