//! The charts, installed by helm on an API server that has seen nothing of ours, and the operator under their rights.

use crate::live;
use crate::live::controlplane::ControlPlane;
use crate::live::objects;
use crate::live::operator::Operator;
use crate::live::resim::Resim;
use crate::site::ADMIN;
use crate::site::run;
use crate::site::start_resim;
use serde_json::json;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

fn chart(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("charts").join(name)
}

fn helm(kubeconfig: &Path, args: &[&str]) -> live::Result<String> {
    let output = Command::new(live::target("helm"))
        .env("KUBECONFIG", kubeconfig)
        .args(args)
        .output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(format!(
            "helm {}: {}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        )
        .into())
    }
}

#[test]
fn the_charts_install_on_a_clean_server_and_their_rights_are_enough_for_every_namespace() {
    run(async {
        regent::rest::tls::install_provider();
        let dir = live::scratch("charts")?;
        let control_plane = ControlPlane::start(&dir).await?;
        let kubeconfig = control_plane.kubeconfig();
        let (crds, regent) = (
            chart("regent-crds").display().to_string(),
            chart("regent").display().to_string(),
        );
        let wait = ["--wait", "--timeout", "60s"];
        helm(
            kubeconfig,
            &[&["install", "regent-crds", &crds][..], &wait].concat(),
        )?;
        let into = [
            "install",
            "regent",
            &regent,
            "-n",
            "regent-system",
            "--create-namespace",
        ];
        let notes = helm(kubeconfig, &[&into[..], &wait].concat())?;
        assert!(
            notes.contains("kubectl wait"),
            "the notes say how to go on: {notes}"
        );

        let operator_config = dir.join("operator.kubeconfig");
        control_plane.kubeconfig_of("regent-system", "regent", &operator_config)?;
        let resim: Resim = start_resim(&dir, 1, &[]).await?;
        let flags = ["--interval", "1s", "--lease-namespace", "regent-system"];
        let mut operator = Operator::start(&dir, "operator", &operator_config, &flags)?;
        let client = control_plane.client().await?;
        control_plane.kubectl(&["create", "namespace", "anywhere"])?;
        let admin = [("username", ADMIN.0), ("password", ADMIN.1)];
        objects::secret(&client, "anywhere", "prod-admin", "Opaque", &admin).await?;
        let cluster = json!({
            "apiVersion": "regent.dev/v1alpha1", "kind": "RedisCluster", "metadata": {"name": "prod"},
            "spec": {
                "clusterName": "prod.example.com", "nodes": [{"name": "n1", "address": resim.ready.nodes[0].address}],
                "credentialsSecretRef": {"name": "prod-admin"}, "tls": {"trustOnFirstUse": true},
            },
        });
        objects::apply(&client, "anywhere", &cluster).await?;
        let ready = objects::wait_ready(
            &client,
            "anywhere",
            "RedisCluster",
            "prod",
            Duration::from_secs(60),
        )
        .await;
        assert!(ready.is_ok(), "{ready:?}\n{}", operator.log());
        for (path, word) in [("/livez", ""), ("/readyz", ""), ("/metrics", "regent_build_info")] {
            let (status, body) = operator.http(path).await?;
            assert_eq!(status, 200, "{path}: {body}");
            assert!(body.contains(word), "{path}: {body}");
        }
        helm(kubeconfig, &["uninstall", "regent", "-n", "regent-system"])?;
        let kept = helm(kubeconfig, &["uninstall", "regent-crds"])?;
        assert!(
            kept.contains("kept"),
            "the CRDs stay when their chart goes: {kept}"
        );
        control_plane.kubectl(&["get", "crd", "redisclusters.regent.dev"])?;
        Ok(())
    });
}

#[test]
fn a_typing_error_in_the_values_is_refused_by_the_schema() {
    run(async {
        let chart = chart("regent").display().to_string();
        let refused = helm(
            Path::new("/dev/null"),
            &["template", "regent", &chart, "--set", "replicsa=2"],
        );
        let Err(error) = refused else {
            panic!("an unknown value should be refused")
        };
        assert!(error.to_string().contains("replicsa"), "{error}");
        Ok(())
    });
}

#[test]
fn values_that_contradict_each_other_are_refused_with_a_sentence() {
    run(async {
        let chart = chart("regent").display().to_string();
        let rows = [
            (
                "scope.watchNamespaces={a},rbac.secretNamespaces={a}",
                "Leave one of the two empty",
            ),
            (
                "rbac.create=false,rbac.secretNamespaces={a}",
                "Set rbac.create=true",
            ),
        ];
        for (values, sentence) in rows {
            let refused = helm(
                Path::new("/dev/null"),
                &["template", "regent", &chart, "--set", values],
            );
            let words = refused.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(words.contains(sentence), "{values}: {words}");
        }
        Ok(())
    });
}

#[test]
fn with_named_namespaces_nothing_is_cluster_wide() {
    run(async {
        let chart = chart("regent").display().to_string();
        let scope = "scope.watchNamespaces={a,b}";
        let rendered = helm(
            Path::new("/dev/null"),
            &["template", "regent", &chart, "--set", scope],
        )?;
        assert!(!rendered.contains("kind: Cluster"), "{rendered}");
        let roles = rendered
            .lines()
            .filter(|line| *line == "kind: RoleBinding")
            .count();
        assert_eq!(roles, 3, "one in each namespace, one for the Lease");
        Ok(())
    });
}

#[test]
fn install_yaml_is_what_the_charts_render() {
    run(async {
        let rendered = live::scratch("install")?.join("install.yaml");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let status = Command::new("bash")
            .arg(root.join("deploy/gen.sh"))
            .arg(&rendered)
            .status()?;
        assert!(status.success());
        let same = std::fs::read(&rendered)? == std::fs::read(root.join("deploy/install.yaml"))?;
        assert!(same, "deploy/install.yaml is stale or was edited: run `make gen`");
        Ok(())
    });
}
