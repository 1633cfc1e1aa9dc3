//! The products' own state: typed documents with versions and indexes, in SQLite or PostgreSQL.
