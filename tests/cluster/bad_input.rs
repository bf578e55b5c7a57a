//! Input that cannot work: each says what is wrong with which object and what to do; nothing is sent, nothing is lost.

use crate::live::Result;
use crate::live::objects;
use crate::site::ADMIN;
use crate::site::INTERVAL;
use crate::site::Site;
use crate::site::run;
use crate::site::site;
use rcgen::date_time_ymd;
use serde_json::json;

/// What must be true of a rejected input after a few more intervals.
async fn assert_nothing_was_sent(site: &Site, seq: u64) -> Result<()> {
    tokio::time::sleep(3 * INTERVAL).await;
    assert_eq!(
        site.mutations(seq)
            .await?
            .iter()
            .map(|call| &call.path)
            .collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    assert_eq!(site.resim.violations().await?, Vec::<String>::new());
    Ok(())
}

#[test]
fn unusable_credentials_are_told_and_taken_up_once_corrected() {
    run(async {
        let site = site("bad-admin").start().await?;
        let mut cluster = site.cluster();
        cluster["spec"]["credentialsSecretRef"]["name"] = json!("operator-admin");
        site.apply(&cluster).await?;
        let message = site
            .told("RedisCluster", "prod", "Reconciling", "True", "WaitingForRef")
            .await?;
        assert!(message.contains("operator-admin"), "{message}");
        let (client, namespace) = (&site.client, site.namespace.as_str());
        objects::secret(
            client,
            namespace,
            "operator-admin",
            "Opaque",
            &[("username", ADMIN.0)],
        )
        .await?;
        let message = site
            .told("RedisCluster", "prod", "Stalled", "True", "SecretInvalid")
            .await?;
        assert!(
            message.contains("operator-admin") && message.contains("password"),
            "{message}"
        );
        assert_nothing_was_sent(&site, 0).await?;
        let good = [("username", ADMIN.0), ("password", ADMIN.1)];
        objects::secret(client, namespace, "operator-admin", "Opaque", &good).await?;
        site.ready("RedisCluster", "prod").await?;

        objects::secret(
            client,
            namespace,
            "operator-admin",
            "Opaque",
            &[("username", ADMIN.0), ("password", "wrong")],
        )
        .await?;
        let message = site
            .told("RedisCluster", "prod", "Stalled", "True", "CredentialsRejected")
            .await?;
        assert!(
            message.contains("operator-admin") && !message.contains("wrong"),
            "{message}"
        );
        objects::secret(client, namespace, "operator-admin", "Opaque", &good).await?;
        site.ready("RedisCluster", "prod").await?;
        site.assert_silent().await
    });
}

#[test]
fn unusable_certificates_are_told_and_never_sent() {
    run(async {
        let site = site("bad-certificate").start().await?;
        site.apply(&site.cluster()).await?;
        site.ready("RedisCluster", "prod").await?;
        let mut object = site.certificate("proxy").await?;
        object["spec"]["secretRef"]["name"] = json!("broken-tls");
        let name = "prod.redis.example.com";
        let good = site.authority.sign(name)?;
        let other = site.authority.sign(name)?;
        let expired = site.authority.sign_with(name, |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        })?;
        let rows = [
            (
                "a key of another certificate",
                good.chain_pem.as_str(),
                other.key_pem.as_str(),
                "key",
            ),
            (
                "an expired certificate",
                &expired.chain_pem,
                &expired.key_pem,
                "expired",
            ),
            ("no PEM at all", "garbage", &good.key_pem, "PEM"),
        ];
        let seq = site.resim.last_seq().await?;
        for (what, certificate, key, word) in rows {
            let data = [("tls.crt", certificate), ("tls.key", key)];
            objects::secret(
                &site.client,
                &site.namespace,
                "broken-tls",
                "kubernetes.io/tls",
                &data,
            )
            .await?;
            site.apply(&object).await?;
            let check = |object: &kube::api::DynamicObject| {
                let told = objects::condition(object, "Stalled");
                if told.status == "True" && told.message.contains("broken-tls") && told.message.contains(word)
                {
                    Ok(())
                } else {
                    Err(format!("{what}: {told:?}"))
                }
            };
            let patience = crate::site::PATIENCE;
            objects::wait_for(
                &site.client,
                &site.namespace,
                "ClusterCertificate",
                "proxy",
                patience,
                check,
            )
            .await?;
        }
        assert_nothing_was_sent(&site, seq).await?;
        let data = [
            ("tls.crt", good.chain_pem.as_str()),
            ("tls.key", good.key_pem.as_str()),
        ];
        objects::secret(
            &site.client,
            &site.namespace,
            "broken-tls",
            "kubernetes.io/tls",
            &data,
        )
        .await?;
        site.ready("ClusterCertificate", "proxy").await?;
        site.assert_silent().await
    });
}

#[test]
fn a_name_taken_by_somebody_elses_database_is_left_alone() {
    run(async {
        let site = site("taken").start().await?;
        site.apply(&site.cluster()).await?;
        site.ready("RedisCluster", "prod").await?;
        let theirs = json!({
            "name": "cache", "memory_size": 100 << 20, "redis_version": "7.2",
            "tags": [{"key": "regent_owner", "value": "somebody-else"}],
        });
        site.rest("POST", "/v1/bdbs", &theirs).await?;
        let seq = site.resim.last_seq().await?;
        let mut database = site.database("cache");
        database["spec"]["adoptionPolicy"] = json!("IfUnowned");
        database["spec"]["deletionPolicy"] = json!("Delete");
        site.apply(&database).await?;
        let message = site
            .told("RedisDatabase", "cache", "Stalled", "True", "OwnershipConflict")
            .await?;
        assert!(message.contains("cache"), "{message}");
        assert_nothing_was_sent(&site, seq).await?;
        site.delete("RedisDatabase", "cache").await?;
        site.gone("RedisDatabase", "cache").await?;
        assert_eq!(
            site.databases().await?.len(),
            1,
            "what is not ours is never deleted"
        );
        assert_nothing_was_sent(&site, seq).await
    });
}

#[test]
fn an_address_without_listener_is_told_by_name() {
    run(async {
        let site = site("nobody").start().await?;
        let mut cluster = site.cluster();
        cluster["spec"]["nodes"][1]["address"] = json!("127.66.66.66");
        site.apply(&cluster).await?;
        let check = |object: &kube::api::DynamicObject| {
            let told = objects::condition(object, "Ready");
            if told.message.contains("n2") && told.message.contains("127.66.66.66") {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        };
        let patience = crate::site::PATIENCE;
        objects::wait_for(
            &site.client,
            &site.namespace,
            "RedisCluster",
            "prod",
            patience,
            check,
        )
        .await?;
        assert_nothing_was_sent(&site, 0).await
    });
}

#[test]
fn a_node_of_another_cluster_is_never_joined_or_created_over() {
    run(async {
        let mut site = site("foreign").start_without_operator().await?;
        let create = json!({
            "action": "create_cluster", "cluster": {"name": "theirs.example.com", "nodes": []},
            "node": {"identity": {}}, "credentials": {"username": "them@example.com", "password": "theirs"},
        });
        site.resim
            .rest(1, "POST", "/v1/bootstrap/create_cluster", ADMIN, &create)
            .await?;
        site.resim
            .admin("POST", "/advance", &json!({"seconds": 60}))
            .await?;
        let seq = site.resim.last_seq().await?;
        site.start_operator("operator")?;
        site.apply(&site.cluster()).await?;
        let check = |object: &kube::api::DynamicObject| {
            let told = objects::condition(object, "Stalled");
            if told.status == "True" && told.message.contains("n2") {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        };
        let patience = crate::site::PATIENCE;
        objects::wait_for(
            &site.client,
            &site.namespace,
            "RedisCluster",
            "prod",
            patience,
            check,
        )
        .await?;
        assert_nothing_was_sent(&site, seq).await
    });
}
