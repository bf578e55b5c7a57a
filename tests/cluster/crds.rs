//! The CRDs on the API server: installed without a warning, refusing what cannot work, with words that name the field.

use crate::live::eventually;
use crate::live::objects;
use crate::site::ADMIN;
use crate::site::PATIENCE;
use crate::site::control_plane;
use crate::site::run;
use serde_json::Value;
use serde_json::json;
use std::path::Path;

#[test]
fn the_crds_install_without_a_warning() {
    run(async {
        let control_plane = control_plane().await?;
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
        let args = [
            "apply",
            "--server-side",
            "--warnings-as-errors",
            "--dry-run=server",
            "-f",
            &crds.display().to_string(),
        ];
        control_plane.kubectl(&args)?;
        Ok(())
    });
}

#[test]
fn the_samples_are_accepted() {
    run(async {
        let control_plane = control_plane().await?;
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/samples");
        control_plane.apply(&samples.join("namespace.yaml"))?;
        let args = [
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            &samples.display().to_string(),
        ];
        control_plane.kubectl(&args)?;
        Ok(())
    });
}

#[test]
fn kubectl_explains_every_field_with_its_effect_and_what_it_is_called_in_redis_enterprise() {
    run(async {
        let control_plane = control_plane().await?;
        for (field, words) in [
            (
                "redisdatabase.spec.memorySize",
                ["Growing is online", "`memory_size`"],
            ),
            (
                "rsc.spec.nodes.maintenance",
                ["every shard and endpoint", "`maintenance_on`"],
            ),
            ("rscert.spec.secretRef", ["tls.crt", "tls.key"]),
        ] {
            // The API server publishes what it knows of a kind a moment after it serves it.
            let told = eventually("an explanation", PATIENCE, || async {
                Ok(control_plane
                    .kubectl(&["explain", field])
                    .map_err(|error| error.to_string()))
            })
            .await?;
            let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
            for word in words {
                assert!(told.contains(word), "{field}: {word:?} is missing: {told}");
            }
        }
        Ok(())
    });
}

#[test]
fn invalid_manifests_are_refused_with_a_message_that_names_the_field() {
    run(async {
        let client = control_plane().await?.client().await?;
        for (what, object, words) in invalid() {
            let refused = objects::apply(&client, "default", &object).await;
            let Err(error) = refused else {
                panic!("{what} should be refused")
            };
            let text = error.to_string();
            for word in words {
                assert!(
                    text.contains(word),
                    "{what}: the message should name {word:?}: {text}"
                );
            }
        }
        Ok(())
    });
}

#[test]
fn what_is_immutable_cannot_be_changed_or_taken_away() {
    run(async {
        let control_plane = control_plane().await?;
        control_plane.kubectl(&["create", "namespace", "t-immutable"])?;
        let client = control_plane.client().await?;
        let mut database = database();
        database["spec"]["port"] = json!(12000);
        database["spec"]["databaseName"] = json!("cache");
        objects::apply(&client, "t-immutable", &cluster()).await?;
        objects::apply(&client, "t-immutable", &database).await?;
        let rows = [
            (
                "RedisDatabase",
                "db",
                json!({"spec": {"clusterRef": {"name": "other"}}}),
                "clusterRef",
            ),
            ("RedisDatabase", "db", json!({"spec": {"port": 12001}}), "port"),
            ("RedisDatabase", "db", json!({"spec": {"port": null}}), "port"),
            (
                "RedisDatabase",
                "db",
                json!({"spec": {"databaseName": "other"}}),
                "databaseName",
            ),
            (
                "RedisCluster",
                "rc",
                json!({"spec": {"clusterName": "other.example.com"}}),
                "clusterName",
            ),
        ];
        for (kind, name, change, field) in rows {
            let refused = objects::patch(&client, "t-immutable", kind, name, &change).await;
            let Err(error) = refused else {
                panic!("{change} should be refused")
            };
            assert!(error.to_string().contains(field), "{change}: {error}");
        }
        Ok(())
    });
}

fn cluster() -> Value {
    json!({
        "apiVersion": "regent.dev/v1alpha1", "kind": "RedisCluster", "metadata": {"name": "rc"},
        "spec": {
            "clusterName": "prod.example.com", "nodes": [{"name": "n1", "address": "127.9.9.9"}],
            "credentialsSecretRef": {"name": ADMIN.0.split('@').next()},
        },
    })
}

fn database() -> Value {
    json!({
        "apiVersion": "regent.dev/v1alpha1", "kind": "RedisDatabase", "metadata": {"name": "db"},
        "spec": {"clusterRef": {"name": "rc"}, "memorySize": "1Gi"},
    })
}

fn certificate() -> Value {
    json!({
        "apiVersion": "regent.dev/v1alpha1", "kind": "ClusterCertificate", "metadata": {"name": "cert"},
        "spec": {"clusterRef": {"name": "rc"}, "certificate": "proxy", "secretRef": {"name": "tls"}},
    })
}

/// What is wrong, the manifest, and words of the message.
fn invalid() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let with = |mut object: Value, path: &str, value: Value| {
        let (parent, key) = path.rsplit_once('/').unwrap_or_default();
        if let Some(parent) = object.pointer_mut(parent) {
            parent[key] = value;
        }
        object
    };
    let twice = json!([{"name": "n1", "address": "127.9.9.8"}, {"name": "n1", "address": "127.9.9.9"}]);
    vec![
        (
            "no nodes",
            with(cluster(), "/spec/nodes", json!([])),
            vec!["spec.nodes"],
        ),
        (
            "two nodes of one name",
            with(cluster(), "/spec/nodes", twice),
            vec!["spec.nodes", "n1"],
        ),
        (
            "a rack that ends in a hyphen",
            with(cluster(), "/spec/nodes/0/rackId", json!("zone-")),
            vec!["rackId"],
        ),
        (
            "a rack with a dot",
            with(cluster(), "/spec/nodes/0/rackId", json!("zone.a")),
            vec!["rackId"],
        ),
        (
            "no host name",
            with(cluster(), "/spec/clusterName", json!("not a host")),
            vec!["clusterName"],
        ),
        (
            "no pin",
            with(cluster(), "/spec/tls", json!({"pins": ["abc"]})),
            vec!["pins"],
        ),
        (
            "no size",
            with(database(), "/spec/memorySize", json!("lots")),
            vec!["memorySize"],
        ),
        (
            "a reserved port",
            with(database(), "/spec/port", json!(10050)),
            vec!["port"],
        ),
        (
            "a port out of range",
            with(database(), "/spec/port", json!(80)),
            vec!["spec.port"],
        ),
        (
            "an unknown eviction policy",
            with(database(), "/spec/evictionPolicy", json!("Some")),
            vec!["evictionPolicy", "NoEviction"],
        ),
        (
            "fsync without a file",
            with(
                database(),
                "/spec/persistence",
                json!({"mode": "Snapshot", "fsync": "Always"}),
            ),
            vec!["fsync"],
        ),
        (
            "a reserved tag",
            with(database(), "/spec/tags", json!({"regent_owner": "me"})),
            vec!["tags"],
        ),
        (
            "no such certificate",
            with(certificate(), "/spec/certificate", json!("door")),
            vec!["spec.certificate", "proxy"],
        ),
    ]
}

#[test]
fn the_binary_prints_the_crds_that_are_committed() {
    run(async {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_regent"))
            .arg("crds")
            .output()?;
        let printed = String::from_utf8(output.stdout)?;
        for plural in ["redisclusters", "redisdatabases", "clustercertificates"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("crds/{plural}.yaml"));
            let committed = std::fs::read_to_string(&file)?;
            assert!(
                printed.contains(committed.trim()),
                "{} differs from `regent crds`",
                file.display()
            );
        }
        Ok(())
    });
}
