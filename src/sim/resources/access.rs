//! What roles, ACLs, LDAP mappings and database groups have to satisfy, and what a role means for those who have it.

use super::numbered::{Goes, unique};
use super::users::{is_login, is_set};
use crate::sim::auth::{Actor, Role};
use crate::sim::call::{ApiError, Ctx};
use crate::sim::documents::Documents;
use crate::sim::ids::BdbUid;
use crate::sim::permission::Permission;
use crate::sim::state::{Cluster, Env};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

type Object = Map<String, Value>;

fn wrong(code: &str, text: impl Into<String>) -> Result<(), ApiError> {
    Err(ApiError::bad_request(text).with_code(code))
}

fn text<'a>(object: &'a Object, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The pattern of the names of roles and ACLs.
fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_ []()@,.;#-".contains(c))
}

/// A name that no other role has; databases only for roles that are about databases; at least one administrator left.
pub(crate) fn check_role(ctx: &Ctx<'_>, uid: u64, role: &Object) -> Result<(), ApiError> {
    if !is_name(text(role, "name")) {
        return wrong("invalid_param", "name has characters that are not allowed");
    }
    let management = text(role, "management");
    let scoped = role.get("resources").and_then(Value::as_array);
    if scoped.is_some_and(|resources| !resources.is_empty())
        && !matches!(management, "db_member" | "db_viewer")
    {
        return wrong("invalid_param", "resources are for db_member and db_viewer only");
    }
    let mut trial = ctx.cluster.documents.clone();
    trial.put("roles", uid, role.clone());
    let users = ctx.cluster.accounts.users.values();
    let admin = |uids: &[u64]| strongest(&trial, uids) == Some(Role::Admin);
    if !users
        .clone()
        .any(|user| admin(&user.role_uids) || (user.role_uids.is_empty() && user.role == Role::Admin))
    {
        return Err(ApiError::not_acceptable(
            "change_last_admin_role_not_allowed",
            "There must be an administrator",
        ));
    }
    unique(ctx, "roles", uid, role)
}

/// The strongest management role among these role objects.
pub(crate) fn strongest(documents: &Documents, role_uids: &[u64]) -> Option<Role> {
    role_uids
        .iter()
        .filter_map(|uid| management(documents, *uid))
        .min()
}

fn management(documents: &Documents, role_uid: u64) -> Option<Role> {
    let role = documents.get("roles", role_uid)?;
    Role::parse(role.get("management").and_then(Value::as_str).unwrap_or("none"))
}

/// The management roles of a caller, each once: it may do what any of them may. A user without role objects has the role it
/// was given by name.
pub(crate) fn roles_of(cluster: &Cluster, actor: &Actor) -> BTreeSet<Role> {
    let Actor::User { uid, role } = actor else {
        return BTreeSet::new();
    };
    let uids = cluster
        .accounts
        .users
        .get(uid)
        .map(|user| user.role_uids.as_slice());
    let held = uids.unwrap_or_default().iter();
    let held = held.filter_map(|uid| management(&cluster.documents, *uid));
    held.chain([*role]).collect()
}

/// Whether any role of a caller has this permission.
pub(crate) fn may(cluster: &Cluster, env: &Env, actor: &Actor, permission: Permission) -> bool {
    let has = |role: &Role| permission.allows(*role, env.profile, &env.switches);
    roles_of(cluster, actor).iter().any(has)
}

/// A role that somebody has cannot be deleted. A user that is being deleted has none, and what a database permits to a role
/// goes with it: clients in use rely on both.
pub(crate) fn free_role(ctx: &Ctx<'_>, uid: u64, goes: Goes) -> Result<(), ApiError> {
    if goes == Goes::Changed {
        return Ok(());
    }
    let of_user = ctx
        .cluster
        .accounts
        .users
        .values()
        .any(|user| user.action_uid.is_none() && user.role_uids.contains(&uid));
    let listed = |object: &Object| {
        let uids = object
            .get("role_uids")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        uids.filter_map(Value::as_u64).any(|other| other == uid)
    };
    let of_mapping = ctx
        .cluster
        .documents
        .all("ldap_mappings")
        .any(|(_, mapping)| listed(mapping));
    if of_user || of_mapping {
        return Err(ApiError::not_acceptable(
            "role_in_use",
            format!("role {uid} is in use"),
        ));
    }
    Ok(())
}

/// Whether a call about users, roles or ACLs shall change nothing. 7.4 does not know that parameter of theirs, and acts.
pub(crate) fn dry_run(ctx: &Ctx<'_>) -> bool {
    ctx.call.dry_run() && ctx.env.profile >= Profile::V7_8_6
}

/// Takes a deleted role out of what databases permit.
pub(crate) fn unbind_role(ctx: &mut Ctx<'_>, uid: u64) {
    let databases: Vec<BdbUid> = ctx
        .cluster
        .databases
        .iter()
        .map(|database| database.uid)
        .collect();
    for database in databases {
        let found = ctx.cluster.databases.get_mut(database);
        let permissions =
            found.and_then(|database| database.set.get_mut("roles_permissions")?.as_array_mut());
        if let Some(permissions) = permissions {
            permissions.retain(|one| one.get("role_uid").and_then(Value::as_u64) != Some(uid));
        }
    }
}

/// Whether a database's permissions name this role or ACL.
fn bound(ctx: &Ctx<'_>, key: &str, uid: u64) -> bool {
    let names = |permissions: &Value| {
        let permissions = permissions.as_array().into_iter().flatten();
        permissions
            .filter_map(|one| one.get(key)?.as_u64())
            .any(|other| other == uid)
    };
    let mut databases = ctx.cluster.databases.iter();
    databases.any(|database| database.set.get("roles_permissions").is_some_and(names))
}

/// Users follow the roles that they have.
pub(crate) fn apply_roles(ctx: &mut Ctx<'_>) {
    for user in ctx.cluster.accounts.users.values_mut() {
        if let Some(role) = strongest(&ctx.cluster.documents, &user.role_uids) {
            user.role = role;
        }
    }
}

/// The databases that a caller may see.
pub(crate) struct Scope(Option<BTreeSet<BdbUid>>);

impl Scope {
    /// Whether this one is among them.
    pub(crate) fn has(&self, uid: BdbUid) -> bool {
        self.0.as_ref().is_none_or(|seen| seen.contains(&uid))
    }

    /// As [`Self::has`], for a uid as text; what is no uid is of no database.
    pub(crate) fn has_text(&self, uid: &str) -> bool {
        self.0.is_none() || uid.parse().is_ok_and(|uid| self.has(uid))
    }
}

/// All databases, unless every role of the caller that lets it in is confined to some.
pub(crate) fn scope(ctx: &Ctx<'_>) -> Scope {
    let user = match ctx.call.actor {
        Actor::User { uid, .. } => ctx.cluster.accounts.users.get(&uid),
        Actor::Anonymous => None,
    };
    let roles = user.map(|user| user.role_uids.as_slice()).unwrap_or_default();
    let roles = roles
        .iter()
        .filter_map(|uid| ctx.cluster.documents.get("roles", *uid));
    let mut seen = BTreeSet::new();
    for role in roles.filter(|role| text(role, "management") != "none") {
        let resources = role.get("resources").and_then(Value::as_array);
        let Some(resources) = resources.filter(|resources| !resources.is_empty()) else {
            return Scope(None);
        };
        let uids = resources
            .iter()
            .filter_map(|resource| resource.get("uids")?.as_array())
            .flatten();
        seen.extend(uids.filter_map(|uid| uid.as_str()?.parse::<BdbUid>().ok()));
    }
    Scope((!seen.is_empty()).then_some(seen))
}

/// A name that no other ACL has, and rules about commands, keys and channels only.
pub(crate) fn check_acl(ctx: &Ctx<'_>, uid: u64, acl: &Object) -> Result<(), ApiError> {
    if !is_name(text(acl, "name")) {
        return wrong("invalid_param", "name has characters that are not allowed");
    }
    check_rules(ctx, text(acl, "acl"))?;
    unique(ctx, "redis_acls", uid, acl)
}

/// The rules of an ACL without the parentheses of its selectors; none if parentheses stand anywhere else.
fn rules(acl: &str) -> Option<Vec<&str>> {
    let mut in_selector = false;
    let mut rules = Vec::new();
    for rule in acl.split_whitespace() {
        let opened = rule.strip_prefix('(');
        if in_selector && opened.is_some() {
            return None;
        }
        in_selector |= opened.is_some();
        let rule = opened.unwrap_or(rule);
        let closed = rule.strip_suffix(')');
        if !in_selector && closed.is_some() {
            return None;
        }
        in_selector &= closed.is_none();
        rules.push(closed.unwrap_or(rule));
    }
    let plain = |rule: &&str| !rule.contains(['(', ')']);
    (!in_selector && rules.iter().all(plain)).then_some(rules)
}

/// Whether this is a rule about commands, keys or channels.
fn is_rule(rule: &str) -> bool {
    const WORDS: [&str; 8] = [
        "allkeys",
        "resetkeys",
        "allchannels",
        "resetchannels",
        "allcommands",
        "nocommands",
        "clearselectors",
        "sanitize-payload",
    ];
    let named = |prefix: &str| rule.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    WORDS.contains(&rule)
        || ["+", "-", "~", "&", "%R~", "%W~", "%RW~"]
            .iter()
            .any(|prefix| named(prefix))
}

fn check_rules(ctx: &Ctx<'_>, acl: &str) -> Result<(), ApiError> {
    let user_rules = ctx.env.on(Switch::AclUserRulesAccepted);
    let of_user = |rule: &str| {
        matches!(rule, "on" | "off" | "nopass" | "resetpass") || rule.starts_with(['>', '<', '#', '!'])
    };
    // Parentheses that stand apart from the rules of their selector leave empty ones.
    let fits = |rule: &str| rule.is_empty() || is_rule(rule) || (user_rules && of_user(rule));
    let Some(rules) = rules(acl) else {
        return wrong(
            "invalid_param",
            "acl: parentheses are for selectors, which are not nested",
        );
    };
    match rules.into_iter().find(|rule| !fits(rule)) {
        Some(rule) => wrong(
            "invalid_param",
            format!("acl: {rule:?} is no rule about commands, keys or channels"),
        ),
        None if acl.trim().is_empty() => wrong("invalid_param", "acl has no rules"),
        None => Ok(()),
    }
}

/// What `POST /v1/redis_acls/validate` wants: rules, and a name that could be given if there is one.
pub(crate) fn check_acl_alone(ctx: &Ctx<'_>, acl: &Object) -> Result<(), ApiError> {
    if !acl.contains_key("acl") {
        wrong("missing_field", "acl is missing")?;
    }
    if acl.contains_key("name") {
        return check_acl(ctx, 0, acl);
    }
    check_rules(ctx, text(acl, "acl"))
}

/// What comes with a cluster stays as it is; what a database uses stays.
pub(crate) fn free_acl(ctx: &Ctx<'_>, uid: u64, goes: Goes) -> Result<(), ApiError> {
    if uid <= 3 {
        return Err(ApiError::conflict("read_only", format!("ACL {uid} is read-only")));
    }
    if goes == Goes::Away && bound(ctx, "redis_acl_uid", uid) {
        let (code, text) = ("redis_acl_in_use", format!("ACL {uid} is in use"));
        return Err(if ctx.env.on(Switch::AclInUse409) {
            ApiError::conflict(code, text)
        } else {
            ApiError::not_acceptable(code, text)
        });
    }
    Ok(())
}

/// `error_code` for a wrong value in an LDAP mapping.
pub(crate) fn wrong_in_mapping(field: &str) -> &'static str {
    match field {
        "dn" => "invalid_dn_param",
        "name" => "invalid_name_param",
        "role_uids" => "invalid_role_uids_param",
        "account_id" => "invalid_account_id_param",
        _ => "invalid_schema",
    }
}

/// A name, a DN, and roles that exist.
pub(crate) fn check_mapping(ctx: &Ctx<'_>, uid: u64, mapping: &Object) -> Result<(), ApiError> {
    if !is_name(text(mapping, "name")) {
        return wrong("invalid_name_param", "name has characters that are not allowed");
    }
    if text(mapping, "dn").trim().is_empty() {
        return wrong("invalid_dn_param", "dn is empty");
    }
    if !is_login(text(mapping, "email")) {
        return wrong("invalid_schema", "email is no email address");
    }
    let alerts = mapping.get("bdbs_email_alerts");
    if alerts.is_some_and(|alerts| !is_set(alerts, Value::is_string)) {
        return wrong("invalid_schema", "bdbs_email_alerts names a database twice");
    }
    let uids = mapping.get("role_uids").and_then(Value::as_array);
    let known = |uid: &Value| {
        uid.as_u64()
            .is_some_and(|uid| ctx.cluster.documents.get("roles", uid).is_some())
    };
    if uids.is_none_or(|uids| uids.is_empty() || !uids.iter().all(known)) {
        return wrong(
            "invalid_role_uids_param",
            "role_uids must name at least one role, and only roles that exist",
        );
    }
    unique(ctx, "ldap_mappings", uid, mapping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::Switches;
    use serde_json::json;

    #[test]
    fn a_role_goes_with_what_databases_permit_it_and_does_not_wait_for_a_user_that_goes() {
        let mut sim = Fixture::cluster(1, 1);
        let uid = sim.database(None);
        let role = json!({"name": "app", "management": "none"});
        assert_eq!(sim.admin(0, "POST", "/v1/roles", role).json["uid"], 7);
        let user = json!({"name": "app", "password": "a-Pass-1", "role_uids": [7]});
        let user = sim.admin(0, "POST", "/v1/users", user).json["uid"].clone();
        let permissions = json!([{"role_uid": 7, "redis_acl_uid": 1}, {"role_uid": 4, "redis_acl_uid": 1}]);
        let database = format!("/v1/bdbs/{uid}");
        sim.admin(0, "PUT", &database, json!({"roles_permissions": permissions}));
        sim.pass(60);
        assert_eq!(
            sim.admin(0, "DELETE", "/v1/roles/7", Value::Null).code(),
            "role_in_use"
        );
        sim.admin(0, "DELETE", &format!("/v1/users/{user}"), Value::Null);
        assert_eq!(sim.admin(0, "DELETE", "/v1/roles/7", Value::Null).status, 200);
        assert_eq!(
            sim.admin(0, "GET", &database, Value::Null).json["roles_permissions"],
            json!([{"role_uid": 4, "redis_acl_uid": 1}])
        );
    }

    #[test]
    fn a_user_follows_the_role_it_has() {
        let mut sim = Fixture::cluster(1, 1);
        sim.admin(
            0,
            "POST",
            "/v1/roles",
            json!({"name": "Ops", "management": "admin"}),
        );
        let user = json!({"email": "op@example.com", "name": "op", "password": "op-pass", "role_uids": [7]});
        assert_eq!(sim.admin(0, "POST", "/v1/users", user).json["role"], "admin");
        let login = Some(("op@example.com", "op-pass"));
        assert_eq!(
            sim.send(0, "PUT", "/v1/cluster", login, json!({"email_alerts": true}))
                .status,
            200
        );
        sim.admin(0, "PUT", "/v1/roles/7", json!({"management": "cluster_viewer"}));
        assert_eq!(
            sim.send(0, "PUT", "/v1/cluster", login, json!({"email_alerts": false}))
                .status,
            403
        );
        assert_eq!(sim.admin(0, "DELETE", "/v1/roles/7", Value::Null).status, 406);
    }

    #[test]
    fn a_role_for_some_databases_hides_the_others() {
        let mut sim = Fixture::cluster(1, 1);
        let (first, second) = (sim.database(None), sim.database(None));
        let resources = json!([{"type": "db", "uids": [second.to_string()]}]);
        let role = json!({"name": "One", "management": "db_member", "resources": resources});
        sim.admin(0, "POST", "/v1/roles", role);
        let user = json!({"email": "db@example.com", "name": "db", "password": "db-pass", "role_uids": [7]});
        sim.admin(0, "POST", "/v1/users", user);
        let login = Some(("db@example.com", "db-pass"));
        let seen = sim.send(0, "GET", "/v1/bdbs?fields=uid", login, Value::Null).json;
        assert_eq!(seen, json!([{"uid": second}]));
        for (uid, status) in [(first, 404), (second, 200)] {
            for path in [
                "/v1/bdbs/{}",
                "/v1/bdbs/alerts/{}",
                "/v1/bdbs/stats/{}",
                "/v1/bdbs/{}/shards",
                "/v1/bdbs/{}/availability",
                "/v1/actions/bdb/{}",
                "/v4/db/{}/health",
                "/v1/shards/{}",
                "/v1/shards/stats/{}",
            ] {
                let path = path.replace("{}", &uid.to_string());
                assert_eq!(
                    sim.send(0, "GET", &path, login, Value::Null).status,
                    status,
                    "{path}"
                );
            }
        }
        assert_eq!(
            sim.send(0, "POST", "/v1/shards/1/actions/failover", login, json!({}))
                .code(),
            "shard_not_exist"
        );
        let everything = json!({"resources": []});
        assert_eq!(sim.admin(0, "PUT", "/v1/roles/7", everything).status, 200);
        let seen = sim.send(0, "GET", "/v1/bdbs?fields=uid", login, Value::Null).json;
        assert_eq!(
            seen,
            json!([{"uid": first}, {"uid": second}]),
            "no resources, all databases"
        );
    }

    #[test]
    fn lists_hide_the_databases_that_a_role_is_not_about() {
        let mut sim = Fixture::cluster(1, 1);
        let (_, second) = (sim.database(None), sim.database(None));
        let resources = json!([{"type": "db", "uids": [second.to_string()]}]);
        let role = json!({"name": "One", "management": "db_member", "resources": resources});
        sim.admin(0, "POST", "/v1/roles", role);
        let user =
            json!({"email": "db@example.com", "name": "db", "password": "db-pass", "role_uids": [6, 7]});
        sim.admin(0, "POST", "/v1/users", user);
        let login = Some(("db@example.com", "db-pass"));
        for (path, all) in [
            ("/v1/bdbs", 2),
            ("/v1/bdbs/stats", 2),
            ("/v1/bdbs/stats/last", 2),
            ("/v1/bdbs/alerts", 2),
            ("/v1/bdbs/replica_sources/alerts", 2),
            ("/v1/shards", 2),
            ("/v1/shards/stats", 2),
            ("/v1/shards/stats/last", 2),
            ("/v1/endpoints/stats", 2),
        ] {
            let count = |reply: Value| {
                let list = reply.as_array().map(Vec::len);
                list.or_else(|| reply.as_object().map(Map::len)).unwrap()
            };
            assert_eq!(count(sim.admin(0, "GET", path, Value::Null).json), all, "{path}");
            let seen = sim.send(0, "GET", path, login, Value::Null).json;
            assert_eq!(count(seen), 1, "{path}");
        }
        let events = sim.send(0, "GET", "/v1/logs", login, Value::Null).json;
        let about = |uid: &str| {
            let events = events.as_array().unwrap();
            events.iter().any(|event| event["bdb_uid"] == uid)
        };
        assert!(about("2") && !about("1"));
        let health = sim.send(0, "GET", "/v4/cluster/health", login, Value::Null).json;
        assert_eq!(health["database_infos"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn an_acl_that_a_database_uses_stays_with_either_status() {
        for (switches, status) in [
            (Switches::default(), 406),
            (Switches::default().with(Switch::AclInUse409), 409),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            let database = format!("/v1/bdbs/{}", sim.database(None));
            let acl = json!({"name": "own", "acl": "+@read ~*"});
            let uid = sim.admin(0, "POST", "/v1/redis_acls", acl).json["uid"].clone();
            let permissions = json!([{"role_uid": 4, "redis_acl_uid": uid}]);
            sim.admin(0, "PUT", &database, json!({"roles_permissions": permissions}));
            let refused = sim.admin(0, "DELETE", &format!("/v1/redis_acls/{uid}"), Value::Null);
            assert_eq!((refused.status, refused.code()), (status, "redis_acl_in_use"));
        }
    }

    #[test]
    fn parentheses_stand_around_selectors_and_nowhere_else() {
        let mut sim = Fixture::cluster(1, 1);
        for (acl, status) in [
            ("+GET ~key1 (+SET ~key2)", 200),
            ("+GET ~key1 (+SET ~key2) (+DEL ~key3) -@all", 200),
            ("+GET ~key1 (+SET) ( ~key2 )", 200),
            ("+GET ~key1 (+SET (+SET ~key2) ~key3)", 400),
            ("+GET ~key1 ((+SET ~key2))", 400),
            ("+GET ~key1 (+SET ~key2", 400),
            ("+GET ~key1 +SET ~key2)", 400),
            ("+GET ~a(b)", 400),
            ("+GET ~a(b)c", 400),
            ("+GET &a)b", 400),
            ("+GET (~a(b) +SET)", 400),
        ] {
            let got = sim.admin(0, "POST", "/v1/redis_acls/validate", json!({"acl": acl}));
            assert_eq!(got.status, status, "{acl}");
            if status == 400 {
                assert_eq!(got.code(), "invalid_param", "{acl}");
            }
        }
    }

    #[test]
    fn rules_about_users_are_a_doubt() {
        let body = json!({"name": "x", "acl": "on >allcommands allkeys"});
        for (switches, status) in [
            (Default::default(), 400),
            (Switches::default().with(Switch::AclUserRulesAccepted), 200),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            assert_eq!(
                sim.admin(0, "POST", "/v1/redis_acls/validate", json!({"acl": body["acl"]}))
                    .status,
                status
            );
            assert_eq!(
                sim.admin(0, "POST", "/v1/redis_acls", body.clone()).status,
                status
            );
        }
    }
}
