//! Objects of which a cluster has one: LDAP, services, jobs, diagnostics, metrics, OCSP, Cluster Manager settings. Each is a
//! row of [`SINGLES`]; a PUT changes the fields that it names, also inside nested objects.

mod check;

use super::services;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::certs::read_bundle;
use crate::sim::events::Told;
use crate::sim::internode;
use crate::sim::permission::Permission::{
    ConfigLdap, ConfigOcsp, UpdateCluster, ViewClusterInfo, ViewLdapConfig, ViewOcspConfig,
};
use crate::sim::route::Route;
use crate::sim::schema::shape;
use crate::sim::schema::{self, Field, settings};
use crate::sim::state::{Cluster, Env};
use crate::sim::version::Profile::{V7_8_6, V7_22_2, V8_0_20};
use check::Verdict;
use serde_json::{Map, Value, json};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/ldap", ViewLdapConfig, shape::LDAP, get),
    Route::new("PUT", "/v1/cluster/ldap", ConfigLdap, shape::LDAP, put),
    Route::new("DELETE", "/v1/cluster/ldap", ConfigLdap, shape::NOTHING, clear),
    Route::new("GET", "/v1/cluster/services_configuration", ViewClusterInfo, shape::SERVICES_CONFIGURATION, get),
    Route::new("PUT", "/v1/cluster/services_configuration", UpdateCluster, shape::SERVICES_CONFIGURATION, put),
    Route::new("GET", "/v1/job_scheduler", ViewClusterInfo, shape::JOBS, get),
    Route::new("PUT", "/v1/job_scheduler", UpdateCluster, shape::JOBS, put),
    Route::new("GET", "/v1/cm_settings", ViewClusterInfo, shape::CM, get).since(V7_8_6),
    Route::new("PUT", "/v1/cm_settings", UpdateCluster, shape::CM, put).since(V7_8_6),
    Route::new("GET", "/v1/diagnostics", ViewClusterInfo, shape::DIAGNOSTICS, get).since(V7_8_6),
    Route::new("PUT", "/v1/diagnostics", UpdateCluster, shape::DIAGNOSTICS, put).since(V7_22_2),
    Route::new("GET", "/v1/metrics_config", ViewClusterInfo, shape::METRICS, get).since(V8_0_20),
    Route::new("PUT", "/v1/metrics_config", UpdateCluster, shape::METRICS, put).since(V8_0_20),
    Route::new("GET", "/v1/ocsp", ViewOcspConfig, shape::OCSP, get),
    Route::new("PUT", "/v1/ocsp", ConfigOcsp, shape::OCSP, put),
];

type Object = Map<String, Value>;

/// One such object.
struct Single {
    path: &'static str,
    fields: &'static [Field],
    /// What has to hold of the whole object after a change.
    check: fn(&Object) -> Verdict,
}

const fn single(path: &'static str, fields: &'static [Field], check: fn(&Object) -> Verdict) -> Single {
    Single { path, fields, check }
}

const SINGLES: &[Single] = &[
    single("/v1/cluster/ldap", settings::LDAP, check::ldap),
    single(services::CONFIGURATION, settings::SERVICES, check::anything),
    single("/v1/job_scheduler", settings::JOBS, check::jobs),
    single("/v1/cm_settings", settings::CM, check::timezone),
    single("/v1/diagnostics", settings::DIAGNOSTICS, check::collectors),
    single("/v1/metrics_config", settings::METRICS, check::metrics),
    single(OCSP, settings::OCSP, check::responder),
];

/// Where the settings of OCSP are.
pub(crate) const OCSP: &str = "/v1/ocsp";

fn row(ctx: &Ctx<'_>) -> Result<&'static Single, ApiError> {
    SINGLES
        .iter()
        .find(|row| row.path == ctx.call.path)
        .ok_or_else(|| ApiError::not_found(format!("{} does not exist", ctx.call.path)))
}

/// Defaults and what was set of the object at `path`, and what follows from the cluster.
pub(crate) fn current(ctx: &Ctx<'_>, path: &str, fields: &[Field]) -> Object {
    let mut object = schema::defaults(fields, ctx.env.profile);
    object.extend(ctx.cluster.documents.single(path).cloned().unwrap_or_default());
    if path == OCSP {
        object.insert("responder_url".to_owned(), json!(responder(ctx.cluster)));
    }
    object
}

/// The responder that the proxy certificate names; empty for none.
fn responder(cluster: &Cluster) -> String {
    let proxy = cluster.certificates.get("proxy");
    let chain = proxy.and_then(|proxy| read_bundle(&proxy.chain_pem).ok());
    let leaf = chain.and_then(|chain| chain.into_iter().next());
    leaf.and_then(|leaf| leaf.ocsp_responder).unwrap_or_default()
}

/// The object without what may not be read.
fn readable(mut object: Object) -> Object {
    if object.get("bind_pass").is_some_and(|password| password != "") {
        object.insert("bind_pass".to_owned(), json!("***"));
    }
    object
}

fn get(ctx: &mut Ctx<'_>) -> Answer {
    let row = row(ctx)?;
    Ok(Reply::json(readable(current(ctx, row.path, row.fields))))
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let row = row(ctx)?;
    let body = ctx.call.object()?;
    if body.is_empty() {
        return Err(ApiError::bad_request("the request body names no field"));
    }
    let after = changed(ctx.env, current(ctx, row.path, row.fields), row.fields, body)?;
    (row.check)(&after)?;
    store(ctx, row.path, row.fields, after.clone());
    Ok(Reply::json(readable(after)))
}

/// The object as it will be with the fields of `body`: an empty object inside it names nothing, but an empty search is none.
///
/// # Errors
/// 400 for what the table does not allow.
pub(crate) fn changed(
    env: &Env,
    mut object: Object,
    fields: &[Field],
    body: Object,
) -> Result<Object, ApiError> {
    for (name, value) in schema::update(fields, env, &object, body)? {
        let inner = schema::find(fields, env.profile, &name).and_then(|field| field.kind.fields());
        match (object.get_mut(&name), value, inner) {
            (Some(Value::Object(old)), Value::Object(new), Some(inner))
                if !new.is_empty() || inner != settings::QUERY =>
            {
                let new = schema::update(inner, env, old, new)?;
                old.extend(new);
            }
            (_, value, _) => {
                object.insert(name, value);
            }
        }
    }
    Ok(object)
}

/// Keeps the object if it is another than before.
pub(crate) fn store(ctx: &mut Ctx<'_>, path: &str, fields: &[Field], after: Object) {
    let before = current(ctx, path, fields);
    if after != before || ctx.cluster.documents.single(path).is_none() {
        if path == services::CONFIGURATION {
            services::reconfigured(ctx, &before, &after);
        }
        ctx.cluster.documents.set_single(path, after);
        if path == "/v1/job_scheduler" {
            internode::plan(ctx.cluster, ctx.env);
        }
        ctx.tell(Told::ClusterUpdated, &json!({}));
        ctx.commit();
    }
}

fn clear(ctx: &mut Ctx<'_>) -> Answer {
    let row = row(ctx)?;
    forget(ctx, row.path);
    Ok(Reply::empty())
}

/// Takes away what was set of the object at `path`, and tells of it.
pub(crate) fn forget(ctx: &mut Ctx<'_>, path: &str) {
    if ctx.cluster.documents.clear_single(path) {
        ctx.tell(Told::ClusterUpdated, &json!({}));
        ctx.commit();
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use crate::sim::version::Profile::{V8_0_20, V8_2_0};
    use serde_json::{Value, json};

    #[test]
    fn an_update_changes_what_it_names_also_inside_and_answers_the_whole() {
        let mut sim = Fixture::cluster(1, 1);
        for (path, body, field, want) in [
            (
                "/v1/job_scheduler",
                json!({"backup_job_settings": {"cron_expression": "*/10 * * * *"}}),
                "backup_job_settings",
                json!({"cron_expression": "*/10 * * * *", "enabled": true}),
            ),
            (
                "/v1/cluster/services_configuration",
                json!({"cm_server": {"operating_mode": "disabled"}}),
                "cm_server",
                json!({"operating_mode": "disabled"}),
            ),
            (
                "/v1/cm_settings",
                json!({"timezone": "Europe/Paris"}),
                "timezone",
                json!("Europe/Paris"),
            ),
            (
                "/v1/cluster/ldap",
                json!({"bind_pass": "secret"}),
                "bind_pass",
                json!("***"),
            ),
            (
                "/v1/ocsp",
                json!({"query_frequency": 60}),
                "query_frequency",
                json!(60),
            ),
            (
                "/v1/diagnostics",
                json!({"bdb_info_target": {"cron_expression": "*/15 * * * *"}}),
                "bdb_info_target",
                json!({"cron_expression": "*/15 * * * *"}),
            ),
            (
                "/v1/diagnostics",
                json!({"shard_target": {"cron_expression": ""}}),
                "shard_target",
                json!({"cron_expression": ""}),
            ),
            (
                "/v1/metrics_config",
                json!({"metrics_tag_keys_exposed": ["team"], "expose_db_tags": true}),
                "metrics_tag_keys_exposed",
                json!(["team"]),
            ),
        ] {
            let mut after = sim.admin(0, "GET", path, Value::Null).json;
            let answered = sim.admin(0, "PUT", path, body.clone());
            assert_eq!(answered.status, 200, "{path}: {answered:?}");
            let shown = sim.admin(0, "GET", path, Value::Null).json;
            assert_eq!(answered.json, shown, "{path}");
            assert_eq!(shown[field], want, "{path}");
            for name in body.as_object().unwrap().keys() {
                after[name] = shown[name].clone();
            }
            assert_eq!(shown, after, "{path} changes what it names only");
        }
    }

    #[test]
    fn an_empty_object_inside_changes_nothing() {
        for (path, field) in [
            ("/v1/cluster/services_configuration", "cm_server"),
            ("/v1/job_scheduler", "node_checks_job_settings"),
            ("/v1/diagnostics", "slowlog_target"),
            ("/v1/cluster/sso", "issuer"),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            let issuer = json!({"issuer": {"id": "urn:idp", "login_url": "https://idp/in"}});
            assert_eq!(sim.admin(0, "PUT", "/v1/cluster/sso", issuer).status, 200);
            let before = sim.admin(0, "GET", path, Value::Null).json;
            let put = sim.admin(0, "PUT", path, json!({field: {}}));
            assert_eq!(put.status, 200, "{path}: {put:?}");
            assert_eq!(sim.admin(0, "GET", path, Value::Null).json, before, "{path}");
        }
    }

    #[test]
    fn an_empty_search_below_a_node_of_the_directory_is_none() {
        let path = "/v1/cluster/ldap";
        let query = json!({"base": "dc=example", "filter": "(cn=%u)", "scope": "one"});
        for field in ["dn_group_query", "user_dn_query"] {
            let mut sim = Fixture::cluster(1, 1);
            for value in [&query, &json!({})] {
                let put = sim.admin(0, "PUT", path, json!({field: value}));
                assert_eq!((put.status, &put.json[field]), (200, value));
            }
        }
    }

    #[test]
    fn a_wrong_update_is_400_and_changes_nothing() {
        for (path, body) in [
            (
                "/v1/job_scheduler",
                json!({"backup_job_settings": {"cron_expression": "daily"}}),
            ),
            ("/v1/job_scheduler", json!({"backup_job_settings": {"other": 1}})),
            (
                "/v1/job_scheduler",
                json!({"backup_job_settings": {"cron_expression": ""}}),
            ),
            (
                "/v1/job_scheduler",
                json!({"backup_job_settings": {"cron_expression": "99 99 99 99 99"}}),
            ),
            (
                "/v1/job_scheduler",
                json!({"cert_rotation_job_settings": {"expiry_days_before_rotation": 91}}),
            ),
            ("/v1/cm_settings", json!({"timezone": "not a place"})),
            ("/v1/metrics_config", Value::Null),
            ("/v1/metrics_config", json!({"local_storage_max_size_mb": 0})),
            ("/v1/metrics_config", json!({"local_storage_retention_days": 0})),
            ("/v1/metrics_config", json!({"key_size_buckets": "8K,1K"})),
            ("/v1/metrics_config", json!({"key_items_buckets": "many"})),
            (
                "/v1/metrics_config",
                json!({"metrics_tag_keys_exposed": ["team-name"]}),
            ),
            (
                "/v1/diagnostics",
                json!({"bdb_info_target": {"cron_expression": "* * * *"}}),
            ),
            ("/v1/ocsp", json!({"query_frequency": 59})),
            ("/v1/ocsp", json!({"responder_url": "http://ocsp.example.com"})),
            ("/v1/cluster/ldap", json!({"uris": ["example.com"]})),
            ("/v1/cluster/ldap", json!({"user_dn_query": {"base": "dc=x"}})),
            ("/v1/cluster/ldap", json!({"control_plane": true})),
            ("/v1/cluster/ldap", json!({"cba_identity_source": "subject_oid"})),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            let before = sim.admin(0, "GET", path, Value::Null).json;
            assert_eq!(
                sim.admin(0, "PUT", path, body.clone()).status,
                400,
                "{path} {body}"
            );
            assert_eq!(sim.admin(0, "GET", path, Value::Null).json, before);
        }
    }

    #[test]
    fn a_directory_is_used_once_it_is_known_where_it_is_and_how_users_and_groups_are_found() {
        let mut sim = Fixture::cluster(1, 1);
        let path = "/v1/cluster/ldap";
        let query = json!({"base": "dc=example", "filter": "(member=%D)", "scope": "subtree"});
        for body in [
            json!({"uris": ["ldap://ldap.example.com:389"]}),
            json!({"user_dn_template": "cn=%u,dc=example"}),
            json!({"dn_group_query": query}),
        ] {
            let used = sim.admin(0, "PUT", path, json!({"data_plane": true}));
            assert_eq!(
                (used.status, used.code()),
                (400, "illegal_fields_combination"),
                "before {body}"
            );
            assert_eq!(sim.admin(0, "PUT", path, body).status, 200);
        }
        let used = sim.admin(0, "PUT", path, json!({"data_plane": true}));
        assert_eq!(used.status, 200);
    }

    #[test]
    fn tags_are_exposed_since_8_2() {
        for (profile, status) in [(V8_0_20, 400), (V8_2_0, 200)] {
            let mut sim = Fixture::cluster_of(profile, 1);
            let body = json!({"expose_db_tags": true, "metrics_tag_keys_exposed": ["env", "team"]});
            let put = sim.admin(0, "PUT", "/v1/metrics_config", body);
            assert_eq!(put.status, status, "{profile}");
        }
    }

    #[test]
    fn clearing_ldap_brings_the_defaults_back() {
        let mut sim = Fixture::cluster(1, 1);
        let before = sim.admin(0, "GET", "/v1/cluster/ldap", Value::Null).json;
        sim.admin(
            0,
            "PUT",
            "/v1/cluster/ldap",
            json!({"uris": ["ldaps://ldap.example.com:636"]}),
        );
        assert_eq!(
            sim.admin(0, "DELETE", "/v1/cluster/ldap", Value::Null).status,
            200
        );
        assert_eq!(sim.admin(0, "GET", "/v1/cluster/ldap", Value::Null).json, before);
        // The update and the deletion; a deletion of nothing is none.
        sim.admin(0, "DELETE", "/v1/cluster/ldap", Value::Null);
        let log = sim.admin(0, "GET", "/v1/logs", Value::Null).json;
        let log = log.as_array().unwrap();
        let told = log.iter().filter(|event| event["type"] == "cluster_updated");
        assert_eq!(told.count(), 2, "{log:?}");
    }
}
