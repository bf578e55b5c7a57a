//! Which paths exist, in which versions, who may call them, and what answers.

use super::auth::Role;
use super::call::{Answer, ApiError, Call, Ctx};
use super::ids::NodeIndex;
use super::permission::Permission;
use super::resources;
use super::schema::Shape;
use super::state::Env;
use super::switch::{Switch, Switches};
use super::version::Profile;
use super::world::World;
use std::collections::BTreeMap;

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
    /// Bytes of the path before its first parameter: what other paths begin with needs no closer look.
    literal_bytes: usize,
    pub(crate) permission: Permission,
    /// What it answers when it succeeds; every answer is held against it.
    pub(crate) answers: Shape,
    /// The documentation names no permission for this call; this one is what its neighbours ask for.
    pub(crate) presumed: bool,
    /// With the switch, another permission is asked for.
    pub(crate) instead: Option<(Switch, Permission)>,
    /// Users have rights over themselves: the handler asks for the permission.
    pub(crate) own: bool,
    /// Credentials may be missing: the handler decides. Those that are given are checked.
    pub(crate) anonymous: bool,
    /// What is said of a body that is no JSON, if it is not what other calls say.
    pub(crate) unread: Option<fn(&Env, ApiError) -> ApiError>,
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
        answers: Shape,
        handler: fn(&mut Ctx<'_>) -> Answer,
    ) -> Self {
        Self::of(method, path, permission, answers, Handler::Cluster(handler))
    }

    /// The same, answered by the node that received it, member of a cluster or not.
    pub(crate) const fn node(
        method: &'static str,
        path: &'static str,
        permission: Permission,
        answers: Shape,
        handler: fn(&mut World, NodeIndex, &Call) -> Answer,
    ) -> Self {
        Self::of(method, path, permission, answers, Handler::Node(handler))
    }

    const fn of(
        method: &'static str,
        path: &'static str,
        permission: Permission,
        answers: Shape,
        handler: Handler,
    ) -> Self {
        Self {
            method,
            path,
            literal_bytes: literal_bytes(path.as_bytes()),
            permission,
            answers,
            presumed: false,
            instead: None,
            own: false,
            anonymous: false,
            unread: None,
            since: Profile::V7_4_6,
            until: None,
            handler,
        }
    }

    /// The same, with a permission that the documentation does not name.
    pub(crate) const fn presumed(mut self) -> Self {
        self.presumed = true;
        self
    }

    /// The same, asking for another permission with a switch.
    pub(crate) const fn instead(mut self, switch: Switch, permission: Permission) -> Self {
        self.instead = Some((switch, permission));
        self
    }

    /// The same, leaving it to the handler to tell users themselves from others.
    pub(crate) const fn own(mut self) -> Self {
        self.own = true;
        self
    }

    /// The same, leaving it to the handler whether credentials may be missing.
    pub(crate) const fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// The same, with an answer of its own to a body that is no JSON.
    pub(crate) const fn unread(mut self, refusal: fn(&Env, ApiError) -> ApiError) -> Self {
        self.unread = Some(refusal);
        self
    }

    /// Whether `path` has the beginning of this route's, up to its first parameter.
    fn begins(&self, path: &str) -> bool {
        path.as_bytes().get(..self.literal_bytes) == self.path.as_bytes().get(..self.literal_bytes)
    }

    /// Whether `role` may send it.
    pub(crate) fn allows(&self, role: Role, profile: Profile, switches: &Switches) -> bool {
        let instead = self.instead.filter(|(switch, _)| switches.on(*switch));
        let permission = instead.map_or(self.permission, |(_, permission)| permission);
        permission.allows(role, profile, switches)
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
    resources::bootstrap::ROUTES,
    resources::nodes::ROUTES,
    resources::node_actions::ROUTES,
    resources::actions::ROUTES,
    resources::cluster::ROUTES,
    resources::cluster_actions::ROUTES,
    resources::policy::ROUTES,
    resources::license::ROUTES,
    resources::certificates::ROUTES,
    resources::bdbs::ROUTES,
    resources::stats::ROUTES,
    resources::bdbs::actions::ROUTES,
    resources::bdbs::recovery::ROUTES,
    resources::bdbs::upgrade::ROUTES,
    resources::modules::ROUTES,
    resources::alerts::ROUTES,
    resources::health::ROUTES,
    resources::room::ROUTES,
    resources::bdb_certificates::ROUTES,
    resources::services::ROUTES,
    resources::passwords::ROUTES,
    resources::availability::ROUTES,
    resources::shards::ROUTES,
    resources::users::ROUTES,
    resources::tokens::ROUTES,
    resources::user_passwords::ROUTES,
    resources::suffixes::ROUTES,
    resources::settings::ROUTES,
    resources::sso::ROUTES,
    resources::auditing::ROUTES,
    resources::numbered::ROUTES,
    resources::logs::ROUTES,
    resources::crdbs::ROUTES,
    resources::usage_report::ROUTES,
];

/// What a path and a method lead to.
pub(crate) enum Found {
    /// A route, and the values of its `{name}` segments.
    Route(&'static Route, BTreeMap<&'static str, String>),
    /// The path exists; these are the methods it has.
    OtherMethods(String),
    /// No such path.
    Nothing,
}

const fn literal_bytes(path: &[u8]) -> usize {
    let mut at = 0;
    while at < path.len() {
        #[expect(clippy::indexing_slicing, reason = "the loop ends before the length")]
        if path[at] == b'{' {
            break;
        }
        at += 1;
    }
    at
}

/// Looks up a path. A route whose segments are all literal goes before one with parameters.
pub(crate) fn find(profile: Profile, method: &str, path: &str) -> Found {
    let here = || {
        TABLES
            .iter()
            .copied()
            .flatten()
            .filter(|route| route.begins(path) && profile.within(route.since, route.until))
    };
    let mut matching: Vec<_> = here()
        .filter_map(|route| Some((route, capture(route.path, path)?)))
        .collect();
    matching.sort_by_key(|(_, params)| params.len());
    let fewest = matching.first().map(|(_, params)| params.len());
    matching.retain(|(_, params)| Some(params.len()) == fewest);
    if let Some(index) = matching.iter().position(|(route, _)| route.method == method) {
        let (route, params) = matching.swap_remove(index);
        return Found::Route(route, params);
    }
    let options = answers_options(profile, path);
    if matching.is_empty() || (method == "OPTIONS" && !options) {
        return Found::Nothing;
    }
    let mut methods: Vec<_> = matching
        .iter()
        .map(|(route, _)| route.method)
        .chain(options.then_some("OPTIONS"))
        .collect();
    methods.sort_unstable();
    methods.dedup();
    Found::OtherMethods(methods.join(", "))
}

/// Whether a path says which methods it has. Those that 8.0 moved to another service do not, as seen on real clusters.
fn answers_options(profile: Profile, path: &str) -> bool {
    let moved = [
        "/v1/users/password",
        "/v1/users/permissions",
        "/v1/redis_acls/validate",
    ];
    profile < Profile::V8_0_20 || !moved.iter().any(|moved| path.starts_with(moved))
}

/// The values of the template's `{name}` segments in `path`, or `None` if it does not fit.
fn capture(template: &'static str, path: &str) -> Option<BTreeMap<&'static str, String>> {
    let mut params = BTreeMap::new();
    let mut segments = path.split('/');
    for wanted in template.split('/') {
        let segment = segments.next()?;
        match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some("uid") if template.starts_with("/v1/nodes/") && !is_whole(segment) => return None,
            Some(name) if !segment.is_empty() => {
                params.insert(name, super::inbound::decode(segment));
            }
            Some(_) => return None,
            None if wanted == segment => {}
            None => return None,
        }
    }
    segments.next().is_none().then_some(params)
}

/// The uid of a node is a whole number: any other text is another path.
fn is_whole(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod register;

#[cfg(test)]
mod tests {
    use super::*;

    fn route(profile: Profile, method: &str, path: &str) -> String {
        match find(profile, method, path) {
            Found::Route(route, params) => format!("{} {params:?}", route.path),
            Found::OtherMethods(methods) => methods,
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn a_literal_path_goes_before_a_template() {
        let latest = Profile::default();
        assert_eq!(route(latest, "GET", "/v1/nodes/status"), "/v1/nodes/status {}");
        assert_eq!(
            route(latest, "GET", "/v1/nodes/7"),
            "/v1/nodes/{uid} {\"uid\": \"7\"}"
        );
        assert_eq!(route(latest, "DELETE", "/v1/nodes/7"), "GET, OPTIONS, PUT");
        assert_eq!(route(latest, "GET", "/v1/nodes/7/"), "nothing");
    }

    #[test]
    fn paths_that_only_look_real_lead_nowhere() {
        for path in [
            "/v1/boostrap",
            "/v1/cluster/license",
            "/v1/cluster/settings",
            "/v1/cluster/suffixes",
            "/v1/cluster/topology",
            "/v1/cluster/alert_settings",
            "/v1/bdbs/1/alert_settings",
            "/v1/bdbs/1/endpoints",
            "/v1/bdbs/1/proxies",
            "/v1/bdbs/1/actions/flush",
            "/v1/bdbs/1/actions/backup",
            "/v1/bdbs/1/actions/start",
            "/v1/bdbs/metrics/1",
            "/v1/crdbs/x/tasks",
            "/v1/debuginfo",
            "/v1/debuginfo/1",
            "/v1/diagnostics/last",
            "/v1/endpoints",
            "/v1/endpoints/1",
            "/v1/endpoints/1/stats",
            "/v1/job_scheduler/1",
            "/v1/license/usage",
            "/v1/migrations",
            "/v1/nodes/1/shards",
            "/v1/nodes/1/endpoints",
            "/v1/ocsp/query",
            "/v1/proxies/1/stats",
            "/v1/roles/1/users",
            "/v1/suffix",
            "/v1/users/1/x",
            "/v1/alerts",
            "/",
        ] {
            for profile in Profile::ALL {
                assert_eq!(route(profile, "GET", path), "nothing", "{path} in {profile}");
            }
        }
        for (method, path) in [
            ("DELETE", "/v1/actions/x"),
            ("DELETE", "/v1/bootstrap"),
            ("DELETE", "/v1/cm_settings"),
            ("DELETE", "/v1/nodes/1"),
            ("POST", "/v1/crdb_tasks"),
            ("POST", "/v1/diagnostics"),
            ("POST", "/v1/job_scheduler"),
            ("PUT", "/v1/modules/x"),
        ] {
            let methods = route(Profile::default(), method, path);
            assert!(
                methods.contains("OPTIONS") && !methods.contains(method),
                "{method} {path}: {methods}"
            );
        }
        assert_eq!(route(Profile::default(), "POST", "/v1/bootstrap"), "GET, OPTIONS");
    }

    #[test]
    fn paths_that_moved_to_another_service_do_not_answer_options() {
        for (path, old, new) in [
            ("/v1/users/password", "DELETE, OPTIONS, POST, PUT", "nothing"),
            ("/v1/users/permissions/admin", "GET, OPTIONS", "nothing"),
            ("/v1/users/role", "GET, OPTIONS", "GET, OPTIONS"),
        ] {
            assert_eq!(route(Profile::V7_22_2, "OPTIONS", path), old);
            assert_eq!(route(Profile::V8_0_20, "OPTIONS", path), new);
        }
    }

    #[test]
    fn versions_lack_the_paths_that_came_later_or_went_before() {
        for (method, path, has) in [
            ("GET", "/v1/metrics_config", "00011"),
            ("GET", "/v1/cluster/sso", "00011"),
            ("GET", "/v4/cluster/health", "00011"),
            ("POST", "/v2/modules/user-defined", "00011"),
            ("POST", "/v1/modules", "11100"),
            ("DELETE", "/v2/modules/x", "11100"),
            ("POST", "/v1/modules/upgrade/bdb/1", "11100"),
            ("GET", "/v2/actions", "00111"),
            ("GET", "/v1/diagnostics", "01111"),
            ("PUT", "/v1/diagnostics", "00111"),
            ("PATCH", "/v1/cluster/change_password_hashing_algorithm", "01111"),
            ("GET", "/v1/usage_report", "00111"),
            ("GET", "/v1/local/bdbs/1/endpoint/availability", "01111"),
            ("DELETE", "/v1/suffix/x", "11111"),
            ("GET", "/v1/nodes/wd_status", "01111"),
            ("PUT", "/v1/bdbs/1/actions/revamp", "00111"),
            ("PUT", "/v1/cluster/certificates", "00111"),
            ("POST", "/v1/shards/actions/failover", "01111"),
            ("POST", "/v1/shards/1/actions/migrate", "11111"),
            ("GET", "/v1/cm_settings", "01111"),
            ("PUT", "/v1/bdbs/1/actions/rebalance", "01111"),
            ("PATCH", "/v1/suffix/x", "00011"),
        ] {
            let here = |profile: Profile| match find(profile, method, path) {
                Found::Route(found, _) if found.method == method => '1',
                _ => '0',
            };
            let found: String = Profile::ALL.into_iter().map(here).collect();
            assert_eq!(found, has, "{method} {path}");
        }
    }

    #[test]
    fn no_two_routes_of_a_profile_answer_one_request() {
        for profile in Profile::ALL {
            let mut seen = std::collections::BTreeSet::new();
            for route in TABLES
                .iter()
                .copied()
                .flatten()
                .filter(|route| profile.within(route.since, route.until))
            {
                assert!(
                    seen.insert((route.method, route.path)),
                    "{} {} twice in {profile}",
                    route.method,
                    route.path
                );
            }
        }
    }
}
