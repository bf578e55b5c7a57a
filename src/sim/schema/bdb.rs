//! Fields of a database.
