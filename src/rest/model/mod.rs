//! The objects of the REST API, as far as Regent reasons about them. Unknown fields are kept where a diff needs them.

mod bdb;
mod bootstrap;
mod certificate;
mod cluster;
mod ids;
mod license;
mod node;
mod pair;
mod pin;
mod task;
mod version;

pub use bdb::*;
pub use bootstrap::*;
pub use certificate::*;
pub use cluster::*;
pub use ids::*;
pub use license::*;
pub use node::*;
pub use pair::*;
pub use pin::*;
pub use task::*;
pub use version::*;

/// A JSON object, as a partial PUT body or the fields that no type names.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;

/// Declares an enum for a string that the server sends: known values by their wire names, anything else as `Unknown`.
macro_rules! server_string {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $wire:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vmeta])* $variant,)+
            /// A value that this version of Regent does not know.
            Unknown(String),
        }

        impl $name {
            /// The value as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)+
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($wire => Self::$variant,)+
                    other => Self::Unknown(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(Self::from(text.as_ref()))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use server_string;
