//! From `kubectl apply` to a converged cluster, and what happens when the operator dies on the way.

use crate::live::Result;
use crate::live::eventually;
use crate::live::objects;
use crate::site::INTERVAL;
use crate::site::PATIENCE;
use crate::site::Site;
use crate::site::control_plane;
use crate::site::run;
use crate::site::site;
use serde_json::Value;
use serde_json::json;

#[test]
fn three_fresh_nodes_become_a_cluster_with_a_database_and_certificates_and_then_silence() {
    run(converges("spine", "8.2"));
}

#[test]
fn a_version_without_the_bulk_certificate_call_converges_too() {
    run(converges("old", "7.4"));
}

async fn converges(name: &'static str, profile: &str) -> Result<()> {
    let site = site(name).resim(&["--profile", profile]).start().await?;
    site.apply(&site.cluster()).await?;
    let mut database = site.database("cache");
    database["spec"]["passwordSecretRef"] = json!({"name": "cache-password", "generate": true});
    database["spec"]["connectionSecret"] = json!({"name": "cache-conn"});
    site.apply(&database).await?;
    site.apply(&site.certificate("proxy").await?).await?;
    site.apply(&site.certificate("api").await?).await?;
    for (kind, name) in [
        ("rsc", "prod"),
        ("rsdb", "cache"),
        ("rscert", "proxy"),
        ("rscert", "api"),
    ] {
        let object = format!("{kind}/{name}");
        control_plane().await?.kubectl(&[
            "wait",
            "--for=condition=Ready",
            &object,
            "-n",
            &site.namespace,
            "--timeout=120s",
        ])?;
    }
    assert_columns(&site).await?;
    let nodes = site.rest("GET", "/v1/nodes", &Value::Null).await?;
    assert_eq!(nodes.as_array().map(Vec::len), Some(3), "{nodes}");
    let state = site.resim.admin("GET", "/state", &Value::Null).await?;
    assert_eq!(
        state.get("clusters").and_then(|clusters| clusters
            .as_array()
            .map(Vec::len)
            .or(clusters.as_u64().map(|n| n as usize))),
        Some(1),
        "{state}"
    );
    assert_eq!(site.databases().await?.len(), 1);
    let connection = site.get("Secret", "cache-conn").await?;
    for key in ["type", "provider", "host", "port", "username", "password", "uri"] {
        assert!(
            connection.data.pointer(&format!("/data/{key}")).is_some(),
            "the connection Secret lacks {key}"
        );
    }
    site.ready("RedisCluster", "prod").await?;
    site.assert_silent().await
}

/// What `kubectl get` shows of each kind: the columns, and no cell that is empty once the object is Ready.
async fn assert_columns(site: &Site) -> Result<()> {
    let control_plane = control_plane().await?;
    for (kind, wanted) in [
        (
            "rsc",
            "NAME READY STATUS VERSION NODES SHARDS DATABASES LICENSE AGE",
        ),
        ("rsdb", "NAME READY STATUS CLUSTER MEMORY SHARDS AGE"),
        (
            "rscert",
            "NAME READY STATUS CLUSTER CERTIFICATE NOT-AFTER SECRET AGE",
        ),
    ] {
        let table = control_plane.kubectl(&["get", kind, "-n", &site.namespace])?;
        let mut rows = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        let head = rows.next().unwrap_or_default();
        assert_eq!(head.join(" "), wanted, "{table}");
        for row in rows {
            assert_eq!(row.len(), head.len(), "an empty cell: {table}");
            assert_eq!(row.get(1..3), Some(["True", "Available"].as_slice()), "{table}");
        }
    }
    let all = control_plane.kubectl(&["get", "regent", "-n", &site.namespace, "-o", "name"])?;
    assert_eq!(all.lines().count(), 4, "the category lists all kinds: {all}");
    Ok(())
}

#[test]
fn an_operator_killed_in_the_middle_of_a_bootstrap_leaves_one_cluster() {
    run(async {
        let flags = ["--lease-duration", "5s", "--takeover-grace", "1s"];
        let mut site = site("killed")
            .resim(&["--speed", "4"])
            .operator(&flags)
            .start()
            .await?;
        site.apply(&site.cluster()).await?;
        eventually("create_cluster", PATIENCE, || async {
            let sent = site
                .mutations(0)
                .await?
                .iter()
                .any(|call| call.path.ends_with("/create_cluster"));
            Ok(if sent {
                Ok(())
            } else {
                Err("not sent yet".to_owned())
            })
        })
        .await?;
        site.operator
            .take()
            .ok_or("the operator runs")?
            .process()
            .kill()?;
        site.start_operator("second")?;
        site.ready("RedisCluster", "prod").await?;
        let creates = site
            .mutations(0)
            .await?
            .iter()
            .filter(|call| call.path.ends_with("/create_cluster"))
            .count();
        assert_eq!(creates, 1, "a bootstrap is resolved by reading, never repeated");
        site.assert_silent().await
    });
}

#[test]
fn drift_is_put_back_within_an_interval_and_a_restart_changes_nothing() {
    run(async {
        let mut site = site("drift").start().await?;
        site.apply(&site.cluster()).await?;
        let mut database = site.database("cache");
        database["spec"]["evictionPolicy"] = json!("NoEviction");
        site.apply(&database).await?;
        site.ready("RedisDatabase", "cache").await?;
        site.rest("PUT", "/v1/bdbs/1", &json!({"eviction_policy": "allkeys-lru"}))
            .await?;
        eventually("the value to be put back", 20 * INTERVAL, || async {
            let policy = site
                .rest("GET", "/v1/bdbs/1", &Value::Null)
                .await?
                .get("eviction_policy")
                .cloned();
            Ok(if policy == Some(json!("noeviction")) {
                Ok(())
            } else {
                Err(format!("{policy:?}"))
            })
        })
        .await?;
        site.ready("RedisDatabase", "cache").await?;
        site.assert_silent().await?;

        site.assert_restart_changes_nothing().await
    });
}

#[test]
fn status_follows_kstatus_from_the_first_moment() {
    run(async {
        let mut site = site("kstatus").start_without_operator().await?;
        let created = site.apply(&site.cluster()).await?;
        let observed = |object: &kube::api::DynamicObject| {
            object
                .data
                .pointer("/status/observedGeneration")
                .and_then(Value::as_i64)
        };
        assert_eq!(
            observed(&created),
            Some(-1),
            "unseen objects are in progress, not done"
        );
        site.start_operator("operator")?;
        let ready = site.ready("RedisCluster", "prod").await?;
        assert_eq!(observed(&ready), ready.metadata.generation);
        assert_eq!(
            objects::condition(&ready, "Reconciling").status,
            "",
            "Reconciling goes when nothing is under way"
        );
        let change = json!({"spec": {"licenseSecretRef": {"name": "no-such-secret"}}});
        objects::patch(&site.client, &site.namespace, "RedisCluster", "prod", &change).await?;
        let waiting = site
            .told("RedisCluster", "prod", "Reconciling", "True", "WaitingForRef")
            .await?;
        assert!(waiting.contains("no-such-secret"), "{waiting}");
        let failed = site.get("RedisCluster", "prod").await?;
        assert_eq!(
            observed(&failed),
            failed.metadata.generation,
            "observedGeneration is told on failure as well"
        );
        Ok(())
    });
}

#[test]
fn an_edited_connection_secret_is_put_right_when_asked() {
    run(async {
        let site = site("connection").start().await?;
        site.apply(&site.cluster()).await?;
        let mut database = site.database("cache");
        database["spec"]["connectionSecret"] = json!({"name": "cache-conn"});
        site.apply(&database).await?;
        site.ready("RedisDatabase", "cache").await?;
        let host = |secret: &kube::api::DynamicObject| secret.data.pointer("/data/host").cloned();
        let before = host(&site.get("Secret", "cache-conn").await?);
        let (client, namespace) = (&site.client, site.namespace.as_str());
        let edited = json!({"stringData": {"host": "edited"}});
        let now = objects::patch(client, namespace, "Secret", "cache-conn", &edited).await?;
        assert_ne!(host(&now), before);
        let asked = json!({"metadata": {"annotations": {"regent.dev/reconcile-requested-at": "now"}}});
        objects::patch(client, namespace, "RedisDatabase", "cache", &asked).await?;
        eventually("the Secret to be put right", 20 * INTERVAL, || async {
            let now = host(&site.get("Secret", "cache-conn").await?);
            Ok(if now == before {
                Ok(())
            } else {
                Err(format!("{now:?}"))
            })
        })
        .await?;
        // The status follows what was done.
        let answered = |database: &kube::api::DynamicObject| {
            let handled = database.data.pointer("/status/lastHandledReconcileAt");
            if handled == Some(&json!("now")) {
                objects::ready(database)
            } else {
                Err(format!("the request is not answered in status: {handled:?}"))
            }
        };
        objects::wait_for(client, namespace, "RedisDatabase", "cache", PATIENCE, answered).await?;
        site.assert_silent().await
    });
}
