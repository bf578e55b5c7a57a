//! The three kinds as the operator sees them: objects with a status, that belong to a cluster.

use crate::api::ClusterCertificate;
use crate::api::ClusterCertificateStatus;
use crate::api::ClusterRef;
use crate::api::Condition;
use crate::api::ManagementPolicy;
use crate::api::RedisCluster;
use crate::api::RedisClusterStatus;
use crate::api::RedisDatabase;
use crate::api::RedisDatabaseStatus;
use crate::plan::access::ClusterKey;
use k8s_openapi::NamespaceResourceScope;
use kube::ResourceExt;
use kube::core::object::HasStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// Names of the kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::EnumIter)]
pub enum Kind {
    /// `RedisCluster`.
    RedisCluster,
    /// `RedisDatabase`.
    RedisDatabase,
    /// `ClusterCertificate`.
    ClusterCertificate,
}

impl Kind {
    /// The name as it stands in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::RedisCluster => "RedisCluster",
            Self::RedisDatabase => "RedisDatabase",
            Self::ClusterCertificate => "ClusterCertificate",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Kind, namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Kind.
    pub kind: Kind,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// Key of the RedisCluster that a reference in `namespace` means.
pub fn cluster_key(namespace: &str, reference: &ClusterRef) -> ClusterKey {
    ClusterKey {
        namespace: namespace.to_owned(),
        name: reference.name.clone(),
    }
}

/// The status of one of the kinds.
pub trait ObjectStatus: Clone + fmt::Debug + Default + PartialEq + Serialize + Send + Sync {
    /// Its conditions.
    fn conditions(&self) -> &[Condition];
}

macro_rules! object_status {
    ($($status:ty),+) => {
        $(impl ObjectStatus for $status {
            fn conditions(&self) -> &[Condition] {
                &self.conditions
            }
        })+
    };
}
object_status!(RedisClusterStatus, RedisDatabaseStatus, ClusterCertificateStatus);

/// An object of one of the kinds, as the operator reads and writes it.
pub trait Object:
    kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasStatus<Status: ObjectStatus>
    + Clone
    + fmt::Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
    /// Its kind.
    const KIND: Kind;

    /// The RedisCluster that it is, or belongs to.
    fn cluster(&self) -> ClusterKey;

    /// How far Regent may go for it.
    fn management_policy(&self) -> ManagementPolicy;

    /// Its kind, namespace and name.
    fn key(&self) -> ObjectKey {
        ObjectKey {
            kind: Self::KIND,
            namespace: self.namespace().unwrap_or_default(),
            name: self.name_any(),
        }
    }
}

impl Object for RedisCluster {
    const KIND: Kind = Kind::RedisCluster;
    fn cluster(&self) -> ClusterKey {
        ClusterKey {
            namespace: self.namespace().unwrap_or_default(),
            name: self.name_any(),
        }
    }
    fn management_policy(&self) -> ManagementPolicy {
        self.spec.management_policy.unwrap_or_default()
    }
}

impl Object for RedisDatabase {
    const KIND: Kind = Kind::RedisDatabase;
    fn cluster(&self) -> ClusterKey {
        cluster_key(&self.namespace().unwrap_or_default(), &self.spec.cluster_ref)
    }
    fn management_policy(&self) -> ManagementPolicy {
        self.spec.management_policy.unwrap_or_default()
    }
}

impl Object for ClusterCertificate {
    const KIND: Kind = Kind::ClusterCertificate;
    fn cluster(&self) -> ClusterKey {
        cluster_key(&self.namespace().unwrap_or_default(), &self.spec.cluster_ref)
    }
    fn management_policy(&self) -> ManagementPolicy {
        self.spec.management_policy.unwrap_or_default()
    }
}
