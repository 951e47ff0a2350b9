"""The ledger: what leases stood for, what their time was good for, and what that cost.  There is nothing in it but the leases."""
