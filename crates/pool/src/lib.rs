//! Warm VMs and admission for isolet: one queue for tenant, script and VM caps.
