//! What users write: the three kinds of the group `regent.dev`, their status, and the words both use.

mod annotation;
mod certificate;
mod cluster;
mod database;
pub mod schema;
mod status;
mod values;

pub use annotation::*;
pub use certificate::*;
pub use cluster::*;
pub use database::*;
pub use status::*;
pub use values::*;

/// API group of every kind.
pub const GROUP: &str = "regent.dev";
/// The one served and stored version.
pub const VERSION: &str = "v1alpha1";
/// Our finalizer on every object.
pub const FINALIZER: &str = "regent.dev/cleanup";
/// Key of the ownership tag on a database in Redis Enterprise.
pub const OWNER_TAG: &str = "regent_owner";
/// The key that was written before. It still names the owner where the present one is missing; Redis Enterprise 8.2 takes no
/// new tag with a hyphen in its key, and lets one stay that is not touched.
pub const FORMER_OWNER_TAG: &str = "regent-owner";
