//! Deletion: nothing dies by accident, nothing hangs, and what was deleted can be applied again.

use crate::live::Result;
use crate::live::objects;
use crate::site::PATIENCE;
use crate::site::Site;
use crate::site::control_plane;
use crate::site::run;
use crate::site::site;
use serde_json::Value;
use serde_json::json;

async fn with_a_database(name: &'static str, policy: &str) -> Result<Site> {
    let site = site(name).start().await?;
    site.apply(&site.cluster()).await?;
    let mut database = site.database("cache");
    database["spec"]["deletionPolicy"] = json!(policy);
    site.apply(&database).await?;
    site.apply(&site.certificate("proxy").await?).await?;
    site.ready("RedisDatabase", "cache").await?;
    site.ready("ClusterCertificate", "proxy").await?;
    site.ready("RedisCluster", "prod").await?;
    Ok(site)
}

fn owner(bdb: &Value) -> String {
    let tags = bdb.get("tags").and_then(Value::as_array);
    let tag = tags
        .into_iter()
        .flatten()
        .find(|tag| tag.get("key") == Some(&json!("regent_owner")));
    tag.and_then(|tag| tag.get("value"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn retain_leaves_the_database_marked_as_released_and_it_can_be_taken_over_again() {
    run(async {
        let site = with_a_database("retain", "Retain").await?;
        site.delete("RedisDatabase", "cache").await?;
        site.gone("RedisDatabase", "cache").await?;
        let left = site.databases().await?;
        assert_eq!(left.len(), 1, "Retain leaves the database");
        assert!(owner(&left[0]).starts_with("released:"), "{left:?}");

        let mut again = site.database("cache");
        site.apply(&again).await?;
        let message = site
            .told("RedisDatabase", "cache", "Stalled", "True", "AlreadyExists")
            .await?;
        assert!(
            message.contains("adoptionPolicy: IfUnowned"),
            "the message names the way out: {message}"
        );
        again["spec"]["adoptionPolicy"] = json!("IfUnowned");
        site.apply(&again).await?;
        site.ready("RedisDatabase", "cache").await?;
        assert_eq!(site.databases().await?.len(), 1, "the same database, taken over");
        site.assert_silent().await
    });
}

#[test]
fn delete_deletes_the_database_and_then_the_object() {
    run(async {
        let site = with_a_database("delete", "Delete").await?;
        site.delete("RedisDatabase", "cache").await?;
        site.gone("RedisDatabase", "cache").await?;
        assert_eq!(site.databases().await?, Vec::<Value>::new());
        site.assert_silent().await
    });
}

#[test]
fn a_cluster_waits_for_its_dependents_and_leaves_redis_enterprise_as_it_is() {
    run(async {
        let site = with_a_database("cluster-first", "Delete").await?;
        site.delete("RedisCluster", "prod").await?;
        let check = |object: &kube::api::DynamicObject| {
            let told = objects::condition(object, "DeletionBlocked");
            if told.status == "True" {
                Ok(())
            } else {
                Err(format!("{:?}", object.data.get("status")))
            }
        };
        let blocked = objects::wait_for(
            &site.client,
            &site.namespace,
            "RedisCluster",
            "prod",
            PATIENCE,
            check,
        )
        .await?;
        let message = objects::condition(&blocked, "DeletionBlocked").message;
        assert!(
            message.contains("cache"),
            "the message names what is in the way: {message}"
        );
        site.delete("ClusterCertificate", "proxy").await?;
        site.delete("RedisDatabase", "cache").await?;
        for (kind, name) in [
            ("RedisDatabase", "cache"),
            ("ClusterCertificate", "proxy"),
            ("RedisCluster", "prod"),
        ] {
            site.gone(kind, name).await?;
        }
        assert_eq!(
            site.databases().await?,
            Vec::<Value>::new(),
            "the database went by its own policy"
        );
        let nodes = site.rest("GET", "/v1/nodes", &Value::Null).await?;
        assert_eq!(
            nodes.as_array().map(Vec::len),
            Some(3),
            "the cluster itself stays"
        );
        Ok(())
    });
}

#[test]
fn a_namespace_goes_with_everything_in_it() {
    run(async {
        // A namespace takes its Roles with it, so this needs an operator whose rights are not in it.
        let mut site = site("whole-namespace")
            .operator(&["--lease-namespace", "default"])
            .start_without_operator()
            .await?;
        site.kubeconfig = control_plane().await?.kubeconfig().to_owned();
        site.start_operator("operator")?;
        site.apply(&site.cluster()).await?;
        site.apply(&site.database("cache")).await?;
        site.apply(&site.certificate("proxy").await?).await?;
        site.ready("RedisDatabase", "cache").await?;
        site.ready("ClusterCertificate", "proxy").await?;
        control_plane()
            .await?
            .kubectl(&["delete", "namespace", &site.namespace, "--wait=false"])?;
        objects::wait_gone(&site.client, "", "Namespace", &site.namespace, PATIENCE).await?;
        assert_eq!(
            site.databases().await?.len(),
            1,
            "Retain holds however the object goes"
        );
        Ok(())
    });
}

#[test]
fn a_cluster_that_is_deleted_and_applied_again_is_taken_over_once_the_spec_says_so() {
    run(async {
        let site = site("reapply").start().await?;
        let mut cluster = site.cluster();
        let first = site.apply(&cluster).await?;
        let ready = site.ready("RedisCluster", "prod").await?;
        let pin = ready
            .data
            .pointer("/status/apiCertificatePin")
            .cloned()
            .ok_or("a self-signed cluster has a pin")?;
        site.delete("RedisCluster", "prod").await?;
        site.gone("RedisCluster", "prod").await?;
        let second = site.apply(&cluster).await?;
        assert_ne!(first.metadata.uid, second.metadata.uid);
        let stalled = objects::wait_for(
            &site.client,
            &site.namespace,
            "RedisCluster",
            "prod",
            PATIENCE,
            |object| {
                let told = objects::condition(object, "Stalled");
                if told.status == "True" {
                    Ok(())
                } else {
                    Err(object.data.to_string())
                }
            },
        )
        .await?;
        let message = objects::condition(&stalled, "Stalled").message;
        assert!(
            message.contains("adoptionPolicy: IfUnowned"),
            "the message names the way out: {message}"
        );
        cluster["spec"]["adoptionPolicy"] = json!("IfUnowned");
        cluster["spec"]["tls"]["pins"] = json!([pin]);
        site.apply(&cluster).await?;
        site.ready("RedisCluster", "prod").await?;
        let creates = site
            .mutations(0)
            .await?
            .iter()
            .filter(|call| call.path.ends_with("/create_cluster"))
            .count();
        assert_eq!(creates, 1, "taking over creates nothing");
        site.assert_silent().await
    });
}

#[test]
fn the_three_kinds_can_be_deleted_in_every_order() {
    run(async {
        let site = site("orders").start().await?;
        let mut cluster = site.cluster();
        let mut database = site.database("cache");
        let certificate = site.certificate("proxy").await?;
        site.apply(&cluster).await?;
        let ready = site.ready("RedisCluster", "prod").await?;
        // Applied again and again, they take over what they left.
        let pin = ready.data.pointer("/status/apiCertificatePin").cloned();
        cluster["spec"]["adoptionPolicy"] = json!("IfUnowned");
        cluster["spec"]["tls"]["pins"] = json!([pin.ok_or("a self-signed cluster has a pin")?]);
        database["spec"]["adoptionPolicy"] = json!("IfUnowned");
        let objects = [
            ("RedisCluster", "prod"),
            ("RedisDatabase", "cache"),
            ("ClusterCertificate", "proxy"),
        ];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for object in [&cluster, &database, &certificate] {
                site.apply(object).await?;
            }
            for (kind, name) in objects {
                site.ready(kind, name).await?;
            }
            for at in order {
                let (kind, name) = objects[at];
                site.delete(kind, name).await?;
            }
            for (kind, name) in objects {
                site.gone(kind, name).await?;
            }
            assert_eq!(site.databases().await?.len(), 1, "Retain holds in every order");
        }
        Ok(())
    });
}
