"""Who may: accounts, roles and credentials, judged here, kept behind a store port."""
