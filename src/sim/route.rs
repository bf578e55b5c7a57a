//! Which paths exist, in which versions, who may call them, and what answers.

use super::auth::Permission;
use super::call::{Answer, Call, Ctx};
use super::ids::NodeIndex;
use super::resources;
use super::version::Profile;
use super::world::World;

/// What answers a route.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// Acts on the node that received the request, member of a cluster or not; never redirected.
    Node(fn(&mut World, NodeIndex, &Call) -> Answer),
    /// Acts on the node that received the request, which is a member; never redirected.
    Local(fn(&mut Ctx<'_>) -> Answer),
    /// Acts on the cluster; served by its master.
    Cluster(fn(&mut Ctx<'_>) -> Answer),
}

/// One method of one path.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// `/v1/bdbs/{uid}`
    pub(crate) path: &'static str,
    pub(crate) permission: Permission,
    pub(crate) since: Profile,
    /// Exclusive.
    pub(crate) until: Option<Profile>,
    pub(crate) handler: Handler,
}

impl Route {
    /// A cluster-scoped route that every profile has.
    pub(crate) const fn new(
        method: &'static str,
        path: &'static str,
        permission: Permission,
        handler: fn(&mut Ctx<'_>) -> Answer,
    ) -> Self {
        Self {
            method,
            path,
            permission,
            since: Profile::V7_4_6,
            until: None,
            handler: Handler::Cluster(handler),
        }
    }

    /// The same, answered by the node that received it.
    pub(crate) const fn local(mut self) -> Self {
        if let Handler::Cluster(handler) = self.handler {
            self.handler = Handler::Local(handler);
        }
        self
    }

    /// The same, from `profile` on.
    pub(crate) const fn since(mut self, profile: Profile) -> Self {
        self.since = profile;
        self
    }

    /// The same, up to, not including, `profile`.
    pub(crate) const fn until(mut self, profile: Profile) -> Self {
        self.until = Some(profile);
        self
    }
}

/// Every route, by family.
pub(crate) const TABLES: &[&[Route]] = &[
    resources::availability::ROUTES,
    resources::bdbs::ROUTES,
    resources::certificates::ROUTES,
    resources::passwords::ROUTES,
    resources::shards::ROUTES,
];
