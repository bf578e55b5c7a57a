//! Numbered objects with the same five calls: roles, ACLs, LDAP mappings, database groups. What differs is a row of
//! [`FAMILIES`].

use super::access;
use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::permission::Permission::{
    CreateBdb, CreateLdapMapping, CreateRedisAcl, CreateRole, DeleteBdb, DeleteLdapMapping, DeleteRedisAcl,
    DeleteRole, UpdateBdb, UpdateLdapMapping, UpdateRedisAcl, UpdateRole, ViewAllBdbsInfo,
    ViewAllLdapMappingsInfo, ViewAllRedisAclsInfo, ViewAllRolesInfo, ViewBdbInfo, ViewLdapMappingInfo,
    ViewRedisAclInfo, ViewRoleInfo,
};
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::schema::{self, Field, Ignored, Phase, access as tables};
use crate::sim::switch::Switch;
use http::StatusCode;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/roles", ViewAllRolesInfo, shape::ROLES, list),
    Route::new("POST", "/v1/roles", CreateRole, shape::ROLE, post),
    Route::new("GET", "/v1/roles/{uid}", ViewRoleInfo, shape::ROLE, get),
    Route::new("PUT", "/v1/roles/{uid}", UpdateRole, shape::ROLE, put),
    Route::new("DELETE", "/v1/roles/{uid}", DeleteRole, shape::ACTION_UID_OR_NOTHING, delete),
    Route::new("GET", "/v1/redis_acls", ViewAllRedisAclsInfo, shape::REDIS_ACLS, list),
    Route::new("POST", "/v1/redis_acls", CreateRedisAcl, shape::REDIS_ACL, post),
    Route::new("POST", "/v1/redis_acls/validate", CreateRedisAcl, shape::REDIS_ACL, validate),
    Route::new("GET", "/v1/redis_acls/{uid}", ViewRedisAclInfo, shape::REDIS_ACL, get),
    Route::new("PUT", "/v1/redis_acls/{uid}", UpdateRedisAcl, shape::REDIS_ACL, put),
    Route::new("DELETE", "/v1/redis_acls/{uid}", DeleteRedisAcl, shape::ACTION_UID_OR_NOTHING, delete),
    Route::new("GET", "/v1/ldap_mappings", ViewAllLdapMappingsInfo, shape::LDAP_MAPPINGS, list),
    Route::new("POST", "/v1/ldap_mappings", CreateLdapMapping, shape::LDAP_MAPPING, post),
    Route::new("GET", "/v1/ldap_mappings/{uid}", ViewLdapMappingInfo, shape::LDAP_MAPPING, get),
    Route::new("PUT", "/v1/ldap_mappings/{uid}", UpdateLdapMapping, shape::LDAP_MAPPING, put),
    Route::new("DELETE", "/v1/ldap_mappings/{uid}", DeleteLdapMapping, shape::ACTION_UID_OR_NOTHING, delete),
    Route::new("GET", "/v1/bdb_groups", ViewAllBdbsInfo, shape::BDB_GROUPS, list).presumed(),
    Route::new("POST", "/v1/bdb_groups", CreateBdb, shape::BDB_GROUP, post).presumed(),
    Route::new("GET", "/v1/bdb_groups/{uid}", ViewBdbInfo, shape::BDB_GROUP, get).presumed(),
    Route::new("PUT", "/v1/bdb_groups/{uid}", UpdateBdb, shape::BDB_GROUP, put).presumed(),
    Route::new("DELETE", "/v1/bdb_groups/{uid}", DeleteBdb, shape::NOTHING, delete).presumed(),
];

type Object = Map<String, Value>;

/// What a family has of its own.
struct Family {
    name: &'static str,
    fields: &'static [Field],
    /// `error_code` of an uid that leads nowhere.
    unknown: &'static str,
    /// `error_code` of a wrong value of this field.
    wrong: fn(field: &str) -> &'static str,
    /// What has to hold of an object, about to be kept under `uid`.
    check: fn(&Ctx<'_>, u64, &Object) -> Result<(), ApiError>,
    /// Whether an existing object may change or go.
    free: fn(&Ctx<'_>, u64, Goes) -> Result<(), ApiError>,
    /// What follows from a change.
    kept: fn(&mut Ctx<'_>),
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goes {
    /// It changes.
    Changed,
    /// It is deleted.
    Away,
}

const FAMILIES: &[Family] = &[
    Family {
        name: "roles",
        fields: tables::ROLE,
        unknown: "not_found",
        wrong: |_| "invalid_param",
        check: access::check_role,
        free: access::free_role,
        kept: access::apply_roles,
    },
    Family {
        name: "redis_acls",
        fields: tables::REDIS_ACL,
        unknown: "not_found",
        wrong: |_| "invalid_param",
        check: access::check_acl,
        free: access::free_acl,
        kept: |_| {},
    },
    Family {
        name: "ldap_mappings",
        fields: tables::LDAP_MAPPING,
        unknown: "ldap_mapping_not_exist",
        wrong: access::wrong_in_mapping,
        check: access::check_mapping,
        free: |_, _, _| Ok(()),
        kept: |_| {},
    },
    Family {
        name: "bdb_groups",
        fields: tables::BDB_GROUP,
        unknown: "not_found",
        wrong: |_| "invalid_schema",
        check: |_, _, _| Ok(()),
        free: |_, _, _| Ok(()),
        kept: |_| {},
    },
];

fn family(ctx: &Ctx<'_>) -> Result<&'static Family, ApiError> {
    let name = ctx.call.path.split('/').nth(2).unwrap_or_default();
    FAMILIES
        .iter()
        .find(|family| family.name == name)
        .ok_or_else(|| ApiError::not_found(format!("{} does not exist", ctx.call.path)))
}

fn existing(ctx: &Ctx<'_>, family: &Family) -> Result<(u64, Object), ApiError> {
    let uid: u64 = ctx.call.param("uid")?;
    let object = ctx.cluster.documents.get(family.name, uid).cloned();
    let object = object.ok_or_else(|| {
        let text = format!("{} has no object {uid}", family.name);
        ApiError::not_found(text).with_code(family.unknown)
    })?;
    Ok((uid, object))
}

fn shown(ctx: &Ctx<'_>, family: &Family, uid: u64, object: &Object) -> Value {
    let mut shown = schema::defaults(family.fields, ctx.env.profile);
    shown.extend(object.clone());
    shown.insert("uid".to_owned(), json!(uid));
    Value::Object(shown)
}

fn list(ctx: &mut Ctx<'_>) -> Answer {
    let family = family(ctx)?;
    let all = ctx.cluster.documents.all(family.name);
    let all: Vec<Value> = all.map(|(uid, object)| shown(ctx, family, uid, object)).collect();
    Ok(Reply::json(if family.name == "bdb_groups" {
        under_name(ctx, family.name, all)
    } else {
        Value::Array(all)
    }))
}

/// A list as the object or the array that it is answered as.
pub(crate) fn under_name(ctx: &Ctx<'_>, name: &str, list: Vec<Value>) -> Value {
    if ctx.env.on(Switch::PlainLists) {
        Value::Array(list)
    } else {
        json!({ name: list })
    }
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    let family = family(ctx)?;
    let (uid, object) = existing(ctx, family)?;
    Ok(Reply::json(shown(ctx, family, uid, &object)))
}

fn post(ctx: &mut Ctx<'_>) -> Answer {
    let family = family(ctx)?;
    let mut object = accepted(ctx, family, Phase::Create, &Map::new())?;
    let mut needed = family.fields.iter().filter(|field| field.needed);
    if let Some(field) = needed.find(|field| !object.contains_key(field.name)) {
        let text = format!("{} is missing", field.name);
        return Err(ApiError::bad_request(text).with_code("missing_field"));
    }
    let asked = object.remove("uid").and_then(|uid| uid.as_u64());
    let uid = asked.unwrap_or_else(|| ctx.cluster.documents.next_uid(family.name));
    let refused = family.name == "roles" && asked.is_some() && ctx.env.has(Bug::RoleUidRefused);
    if refused || ctx.cluster.documents.get(family.name, uid).is_some() {
        return Err(ApiError::conflict(
            "uid_exists",
            format!("{} has an object {uid}", family.name),
        ));
    }
    keep(ctx, family, uid, object)
}

/// The ACL of the body, if it could be created.
fn validate(ctx: &mut Ctx<'_>) -> Answer {
    let family = family(ctx)?;
    let acl = accepted(ctx, family, Phase::Create, &Map::new())?;
    access::check_acl_alone(ctx, &acl)?;
    Ok(Reply::json(acl))
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let family = family(ctx)?;
    let (uid, mut object) = existing(ctx, family)?;
    (family.free)(ctx, uid, Goes::Changed)?;
    let mut current = object.clone();
    current.insert("uid".to_owned(), json!(uid));
    let named = accepted(ctx, family, Phase::Update, &current)?;
    object.extend(named);
    keep(ctx, family, uid, object)
}

/// The fields of the body, each checked.
fn accepted(ctx: &Ctx<'_>, family: &Family, phase: Phase, current: &Object) -> Result<Object, ApiError> {
    let body = ctx.call.object()?;
    for (name, value) in &body {
        if let Some(field) = schema::find(family.fields, ctx.env.profile, name)
            && field.kind.check(ctx.env.profile, value).is_err()
        {
            let text = format!("{name} has a wrong value");
            return Err(ApiError::bad_request(text).with_code((family.wrong)(name)));
        }
    }
    let ignored = Ignored::by(ctx.env);
    schema::accept(family.fields, ctx.env.profile, phase, ignored, current, &body)
        .map_err(|error| error.with_status(StatusCode::BAD_REQUEST))
}

fn keep(ctx: &mut Ctx<'_>, family: &Family, uid: u64, object: Object) -> Answer {
    (family.check)(ctx, uid, &object)?;
    let reply = Reply::json(shown(ctx, family, uid, &object));
    if !access::dry_run(ctx) && ctx.cluster.documents.get(family.name, uid) != Some(&object) {
        ctx.cluster.documents.put(family.name, uid, object);
        (family.kept)(ctx);
        ctx.commit();
    }
    Ok(reply)
}

/// Names are unique within a family.
pub(crate) fn unique(ctx: &Ctx<'_>, family: &str, uid: u64, object: &Object) -> Result<(), ApiError> {
    let name = object.get("name");
    let mut others = ctx.cluster.documents.all(family);
    if others.any(|(other, found)| other != uid && found.get("name") == name) {
        return Err(ApiError::conflict(
            "name_already_exists",
            format!("{family} has this name already"),
        ));
    }
    Ok(())
}

/// 200 with the `action_uid` of a state machine that has done its work.
fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let family = family(ctx)?;
    let (uid, _) = existing(ctx, family)?;
    (family.free)(ctx, uid, Goes::Away)?;
    if access::dry_run(ctx) {
        return Ok(Reply::empty());
    }
    if family.name == "bdb_groups" {
        ctx.cluster.documents.remove(family.name, uid);
        ctx.commit();
        return Ok(Reply::empty());
    }
    let machine = match family.name {
        "roles" => "SMDeleteRole",
        "redis_acls" => "SMDeleteRedisAcl",
        _ => "SMDeleteLdapMapping",
    };
    let object_name = format!("{}:{uid}", family.name.trim_end_matches('s'));
    let action_uid = ctx
        .cluster
        .machines
        .start(&mut ctx.env.ids, ctx.env.now, machine, object_name);
    ctx.cluster.machines.finish(&action_uid, ctx.env.now, None);
    ctx.cluster.documents.remove(family.name, uid);
    if family.name == "roles" {
        access::unbind_role(ctx, uid);
    }
    ctx.commit();
    Ok(Reply::json(json!({"action_uid": action_uid})))
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::{Switch, Switches};
    use crate::sim::version::Profile;
    use serde_json::{Value, json};

    #[test]
    fn an_object_lives_from_post_to_delete() {
        for (path, body, change, first) in [
            (
                "/v1/roles",
                json!({"name": "DBA", "management": "db_member"}),
                json!({"management": "db_viewer"}),
                7,
            ),
            (
                "/v1/redis_acls",
                json!({"name": "Geo", "acl": "~* +@geo"}),
                json!({"acl": "~* +@geo -@dangerous"}),
                7,
            ),
            (
                "/v1/ldap_mappings",
                json!({"name": "admins", "dn": "cn=admins", "role_uids": [1]}),
                json!({"dn": "cn=others"}),
                1,
            ),
            (
                "/v1/bdb_groups",
                json!({"memory_size": 1024}),
                json!({"memory_size": 2048}),
                1,
            ),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            let before = sim.admin(0, "GET", path, Value::Null).json;
            let made = sim.admin(0, "POST", path, body);
            assert_eq!((made.status, &made.json["uid"]), (200, &json!(first)), "{path}");
            let one = format!("{path}/{first}");
            let changed = sim.admin(0, "PUT", &one, change.clone()).json;
            assert_eq!(sim.admin(0, "GET", &one, Value::Null).json, changed);
            for (field, value) in change.as_object().unwrap() {
                assert_eq!(&changed[field], value, "{path}");
            }
            let gone = sim.admin(0, "DELETE", &one, Value::Null);
            assert_eq!(gone.status, 200, "{path}");
            assert_eq!(sim.admin(0, "GET", &one, Value::Null).status, 404);
            assert_eq!(sim.admin(0, "GET", path, Value::Null).json, before);
        }
    }

    #[test]
    fn an_account_id_is_kept() {
        let mut sim = Fixture::cluster(1, 1);
        for (path, body) in [
            ("/v1/roles", json!({"name": "DBA"})),
            ("/v1/redis_acls", json!({"name": "Geo", "acl": "~* +@geo"})),
            (
                "/v1/users",
                json!({"name": "op", "password": "op-pass", "role": "none"}),
            ),
        ] {
            let mut body = body;
            body["account_id"] = json!(7);
            let made = sim.admin(0, "POST", path, body).json;
            let one = format!("{path}/{}", made["uid"]);
            assert_eq!(
                sim.admin(0, "GET", &one, Value::Null).json["account_id"],
                7,
                "{path}"
            );
            sim.admin(0, "PUT", &one, json!({"account_id": 8}));
            assert_eq!(
                sim.admin(0, "GET", &one, Value::Null).json["account_id"],
                8,
                "{path}"
            );
            let wrong = sim.admin(0, "PUT", &one, json!({"account_id": "x"}));
            assert_eq!(wrong.status, 400, "{path}");
        }
    }

    #[test]
    fn a_dry_run_keeps_nothing() {
        let mut sim = Fixture::cluster(1, 1);
        let reply = sim.admin(0, "POST", "/v1/roles?dry_run", json!({"name": "DBA"}));
        assert_eq!((reply.status, &reply.json["uid"]), (200, &json!(7)));
        assert_eq!(sim.admin(0, "GET", "/v1/roles/7", Value::Null).status, 404);
    }

    #[test]
    fn validating_an_acl_answers_it_and_keeps_nothing() {
        let mut sim = Fixture::cluster(1, 1);
        let path = "/v1/redis_acls/validate";
        for (body, status, code) in [
            (json!({"acl": "+@read ~app:*"}), 200, ""),
            (json!({"name": "x", "acl": "+@read ~app:*"}), 200, ""),
            (
                json!({"name": "Read Only", "acl": "+@all"}),
                409,
                "name_already_exists",
            ),
            (json!({"name": "a/b", "acl": "+@all"}), 400, "invalid_param"),
            (json!({"acl": "everything"}), 400, "invalid_param"),
            (json!({"acl": 1}), 400, "invalid_param"),
            (json!({"name": "x"}), 400, "missing_field"),
            (
                json!({"acl": "+@all", "min_version": "7.2"}),
                400,
                "invalid_param",
            ),
        ] {
            let got = sim.admin(0, "POST", path, body.clone());
            assert_eq!((got.status, got.code()), (status, code), "{body}");
            if status == 200 {
                assert_eq!(got.json, body);
            }
        }
        let kept = sim.admin(0, "GET", "/v1/redis_acls", Value::Null).json;
        assert_eq!(kept.as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn a_mapping_is_held_against_its_patterns() {
        let mut sim = Fixture::cluster(1, 1);
        let sound = json!({"name": "m", "dn": "cn=x", "role_uids": [1]});
        for (field, value, code) in [
            ("email", json!("ops@example.com"), ""),
            ("email", json!(""), ""),
            ("email", json!("ops"), "invalid_schema"),
            ("bdbs_email_alerts", json!(["1", "2"]), ""),
            ("bdbs_email_alerts", json!(["1", "1"]), "invalid_schema"),
            ("role_uids", json!([99]), "invalid_role_uids_param"),
            ("name", json!("a".repeat(256)), "invalid_name_param"),
            ("dn", json!(7), "invalid_dn_param"),
        ] {
            let mut body = sound.clone();
            body[field] = value;
            let got = sim.admin(0, "POST", "/v1/ldap_mappings?dry_run", body.clone());
            assert_eq!(got.code(), code, "{body}");
        }
    }

    #[test]
    fn a_management_role_is_one_that_the_version_has() {
        for (profile, status) in [(Profile::V7_4_6, 400), (Profile::V7_8_6, 200)] {
            let mut sim = Fixture::cluster_of(profile, 1);
            let role = json!({"name": "People", "management": "user_manager"});
            assert_eq!(
                sim.admin(0, "POST", "/v1/roles", role).status,
                status,
                "{profile}"
            );
        }
    }

    #[test]
    fn groups_of_databases_are_a_list_under_its_name_or_plain() {
        for (switches, none) in [
            (Switches::default(), json!({"bdb_groups": []})),
            (Switches::default().with(Switch::PlainLists), json!([])),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            let groups = sim.admin(0, "GET", "/v1/bdb_groups", Value::Null);
            assert_eq!(groups.json, none);
        }
    }
}
