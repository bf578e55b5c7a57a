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
