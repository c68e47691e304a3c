//! Budgets of isolet's tenants and scripts: sizes, rates and caps.
