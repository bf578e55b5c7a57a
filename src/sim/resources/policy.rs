//! `/v1/cluster/policy`.

use super::cron::is_cron;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::events::Told;
use crate::sim::permission::Permission::{UpdateCluster, ViewClusterInfo};
use crate::sim::route::Route;
use crate::sim::schema;
use crate::sim::schema::shape;
use crate::sim::state::{Due, Env};
use crate::sim::switch::Switch;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/policy", ViewClusterInfo, shape::POLICY, get),
    Route::new("PUT", "/v1/cluster/policy", UpdateCluster, shape::POLICY_OR_NOTHING, put),
    Route::new("PUT", "/v1/cluster/policy/restore_default", UpdateCluster, shape::NOTHING, restore_default).presumed(),
];

/// Policy fields that the cluster object repeats.
const REPEATED: &[&str] = &[
    "default_non_sharded_proxy_policy",
    "default_sharded_proxy_policy",
    "rack_aware",
    "slave_ha",
    "slave_ha_grace_period",
    "slave_ha_cooldown_period",
    "slave_ha_bdb_cooldown_period",
];

fn get(ctx: &mut Ctx<'_>) -> Answer {
    Ok(Reply::json(ctx.cluster.policy.clone()))
}

fn put(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    let update = schema::update(schema::policy::FIELDS, ctx.env, &ctx.cluster.policy, body)?;
    check_rack_aware(ctx, &update)?;
    check_texts(ctx.env, &update)?;
    if !ctx.call.dry_run() {
        apply(ctx, update);
    }
    Ok(if ctx.env.on(Switch::PolicyPutAnswersObject) {
        Reply::json(ctx.cluster.policy.clone())
    } else {
        Reply::empty()
    })
}

fn apply(ctx: &mut Ctx<'_>, update: Map<String, Value>) {
    let before = ctx.cluster.policy.clone();
    ctx.cluster.policy.extend(update);
    if ctx.cluster.policy == before {
        return;
    }
    for field in REPEATED {
        if let (Some(value), true) = (
            ctx.cluster.policy.get(*field),
            before.get(*field) != ctx.cluster.policy.get(*field),
        ) {
            ctx.cluster.settings.insert((*field).to_owned(), value.clone());
        }
    }
    let restrictive = Some(&json!("resetchannels"));
    let channels = |policy: &Map<String, Value>| policy.get("acl_pubsub_default") == restrictive;
    if channels(&ctx.cluster.policy) && !channels(&before) {
        ctx.cluster.documents.open_channels();
    }
    // Databases that wait for recovery may be meant.
    if ctx.cluster.recovered.is_some() {
        ctx.env
            .schedule(Duration::ZERO, Due::AutoRecovery(ctx.cluster.id));
    }
    ctx.tell(Told::ClusterUpdated, &json!({}));
    ctx.commit();
}

/// Fields of which the table says only that they are texts.
fn check_texts(env: &Env, update: &Map<String, Value>) -> Result<(), ApiError> {
    let text = |field: &str| update.get(field).and_then(Value::as_str);
    let refuse = |text: &str| Err(ApiError::bad_request(text));
    let mut versions = env.profile.database_versions().iter();
    if text("default_provisioned_redis_version")
        .is_some_and(|wanted| !versions.any(|(version, _)| *version == wanted))
    {
        return refuse("default_provisioned_redis_version is not a supported version");
    }
    if text("persistence_cleanup_scan_interval").is_some_and(|cron| !is_cron(cron)) {
        return refuse("persistence_cleanup_scan_interval is not a cron expression");
    }
    Ok(())
}

/// Rack awareness needs a rack id on every node and is never turned off.
fn check_rack_aware(ctx: &Ctx<'_>, update: &Map<String, Value>) -> Result<(), ApiError> {
    let refuse = |code: &str, text: &str| Err(ApiError::new(StatusCode::BAD_REQUEST, code, text));
    let is_on = ctx.cluster.policy.get("rack_aware") == Some(&json!(true));
    match update.get("rack_aware").and_then(Value::as_bool) {
        Some(false) if is_on => refuse("rack_awareness_violation", "Rack awareness cannot be turned off"),
        Some(true)
            if ctx
                .cluster
                .members
                .values()
                .any(|member| member.rack_id.is_empty()) =>
        {
            refuse("rack_awareness_violation", "Not every node has a rack_id")
        }
        _ => Ok(()),
    }
}

fn restore_default(ctx: &mut Ctx<'_>) -> Answer {
    let mut fresh = schema::policy::fresh(ctx.env);
    fresh.insert(
        "rack_aware".to_owned(),
        ctx.cluster
            .policy
            .get("rack_aware")
            .cloned()
            .unwrap_or(json!(false)),
    );
    apply(ctx, fresh);
    Ok(Reply::empty())
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use crate::sim::switch::{Switch, Switches};
    use serde_json::{Value, json};

    #[test]
    fn an_update_of_the_policy_is_told_as_one_of_the_cluster() {
        let mut sim = Fixture::cluster(1, 1);
        let told = |sim: &mut Fixture| {
            let log = sim.admin(0, "GET", "/v1/logs", Value::Null).json;
            let events = log.as_array().cloned().unwrap_or_default();
            events
                .iter()
                .filter(|event| event["type"] == "cluster_updated")
                .count()
        };
        assert_eq!(told(&mut sim), 0);
        sim.admin(0, "PUT", "/v1/cluster/policy", json!({"slave_ha": false}));
        assert_eq!(told(&mut sim), 1);
    }

    #[test]
    fn an_update_answers_no_body_or_the_object_as_the_switch_says() {
        let mut sim = Fixture::cluster(1, 1);
        assert_eq!(
            sim.admin(0, "PUT", "/v1/cluster/policy", json!({"slave_ha": false}))
                .json,
            Value::Null
        );
        assert_eq!(
            sim.admin(0, "GET", "/v1/cluster/policy", Value::Null).json["slave_ha"],
            false
        );
        assert_eq!(
            sim.admin(0, "GET", "/v1/cluster", Value::Null).json["slave_ha"],
            false
        );
        let mut sim = Fixture::cluster_with(1, 1, Switches::default().with(Switch::PolicyPutAnswersObject));
        assert_eq!(
            sim.admin(0, "PUT", "/v1/cluster/policy", json!({"slave_ha": false}))
                .json["slave_ha"],
            false
        );
    }

    #[test]
    fn the_cluster_repeats_the_policies_of_proxies_from_the_first_on() {
        let mut sim = Fixture::fresh(1);
        let mut body = sim.create_body();
        body["policy"] = json!({"default_sharded_proxy_policy": "all-nodes"});
        let made = sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
        assert_eq!(made.status, 200);
        sim.pass(60);
        let mut shown = || {
            let cluster = sim.admin(0, "GET", "/v1/cluster", Value::Null).json;
            let update = json!({"default_non_sharded_proxy_policy": "all-master-shards"});
            sim.admin(0, "PUT", "/v1/cluster/policy", update);
            ["default_non_sharded_proxy_policy", "default_sharded_proxy_policy"]
                .map(|field| cluster[field].clone())
        };
        assert_eq!(shown(), ["single", "all-nodes"]);
        assert_eq!(shown(), ["all-master-shards", "all-nodes"]);
    }

    #[test]
    fn a_value_that_does_not_fit_is_400() {
        for body in [
            json!({"default_shards_placement": "loose"}),
            json!({"slave_ha": "yes"}),
            json!({"nonsense": 1}),
            json!({"default_provisioned_redis_version": "1.0"}),
            json!({"rack_aware": true}),
            json!({"persistence_cleanup_scan_interval": "daily"}),
        ] {
            assert_eq!(
                Fixture::cluster(1, 1)
                    .admin(0, "PUT", "/v1/cluster/policy", body.clone())
                    .status,
                400,
                "{body}"
            );
        }
    }

    #[test]
    fn closing_channels_opens_them_to_full_access_once_and_for_good() {
        let mut sim = Fixture::cluster(1, 1);
        for (default, acl) in [
            ("resetchannels", "+@all ~*"),
            ("allchannels", "+@all ~*"),
            ("resetchannels", "+@all ~* &*"),
            ("allchannels", "+@all ~* &*"),
            ("resetchannels", "+@all ~* &*"),
        ] {
            let body = json!({"acl_pubsub_default": default});
            let put = sim.admin(0, "PUT", "/v1/cluster/policy", body);
            assert_eq!(put.status, 200);
            let full = sim.admin(0, "GET", "/v1/redis_acls/1", Value::Null).json;
            assert_eq!(
                (&full["name"], &full["acl"]),
                (&json!("Full Access"), &json!(acl))
            );
        }
    }

    #[test]
    fn rack_awareness_needs_a_rack_on_every_node_and_stays_on() {
        let mut sim = Fixture::cluster(2, 2);
        for uid in [1, 2] {
            let rack = json!({"rack_id": format!("rack{uid}")});
            assert_eq!(sim.admin(0, "PUT", &format!("/v1/nodes/{uid}"), rack).status, 200);
        }
        assert_eq!(
            sim.admin(0, "PUT", "/v1/cluster/policy", json!({"rack_aware": true}))
                .status,
            200
        );
        assert_eq!(
            sim.admin(0, "GET", "/v1/cluster", Value::Null).json["rack_aware"],
            true
        );
        assert_eq!(
            sim.admin(0, "PUT", "/v1/cluster/policy", json!({"rack_aware": false}))
                .status,
            400
        );
    }

    #[test]
    fn restoring_the_defaults_takes_every_change_back_but_rack_awareness() {
        let mut sim = Fixture::cluster(1, 1);
        let path = "/v1/cluster/policy";
        let rack = sim.admin(0, "PUT", "/v1/nodes/1", json!({"rack_id": "a"}));
        assert_eq!(rack.status, 200);
        assert_eq!(sim.admin(0, "PUT", path, json!({"rack_aware": true})).status, 200);
        let fresh = sim.admin(0, "GET", path, Value::Null).json;
        let cluster = sim.admin(0, "GET", "/v1/cluster", Value::Null).json;
        let changes = json!({
            "slave_ha": false, "slave_ha_grace_period": 7, "default_shards_placement": "sparse",
            "bigstore_migrate_node_threshold": 9, "data_internode_encryption": true,
            "default_provisioned_redis_version": "7.4",
        });
        assert_eq!(sim.admin(0, "PUT", path, changes.clone()).status, 200);
        let changed = sim.admin(0, "GET", path, Value::Null).json;
        for (field, value) in changes.as_object().unwrap() {
            assert_eq!(&changed[field], value, "{field}");
            assert_ne!(changed[field], fresh[field], "{field}");
        }
        let restored = sim.admin(0, "PUT", &format!("{path}/restore_default"), Value::Null);
        assert_eq!((restored.status, restored.json), (200, Value::Null));
        assert_eq!(sim.admin(0, "GET", path, Value::Null).json, fresh);
        assert_eq!(sim.admin(0, "GET", "/v1/cluster", Value::Null).json, cluster);
    }
}
