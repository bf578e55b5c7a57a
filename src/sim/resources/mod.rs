//! One file per family of the REST API: its routes and their handlers.

pub(crate) mod availability;
pub(crate) mod bdbs;
pub(crate) mod certificates;
pub(crate) mod passwords;
pub(crate) mod shards;
