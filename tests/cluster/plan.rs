//! `regent plan`: what would be done and why, and nothing is touched.

use crate::live::Result;
use crate::site::Site;
use crate::site::run;
use crate::site::site;
use serde_json::json;
use std::process::Command;

/// Runs `regent plan` with the operator's credentials; its exit status and what it printed.
fn plan(site: &Site, args: &[&str]) -> Result<(i32, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_regent"))
        .arg("plan")
        .args(args)
        .env("KUBECONFIG", &site.kubeconfig)
        .output()?;
    let text = format!(
        "{}{}",
        String::from_utf8(output.stdout)?,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok((output.status.code().unwrap_or(-1), text))
}

#[test]
fn a_plan_says_what_would_be_done_and_touches_nothing() {
    run(async {
        let mut site = site("plan").start().await?;
        site.apply(&site.cluster()).await?;
        site.apply(&site.database("cache")).await?;
        site.ready("RedisDatabase", "cache").await?;
        site.ready("RedisCluster", "prod").await?;
        // Planned by hand from now on, as a person would before the operator is installed.
        site.operator
            .take()
            .ok_or("the operator runs")?
            .process()
            .stop()?;
        let watched = site.watched().await?;
        let moment = watched.now().await?;

        let (status, text) = plan(&site, &["-n", &site.namespace])?;
        assert_eq!(status, 0, "nothing to do: {text}");
        assert!(text.contains("cache") && text.contains("prod"), "{text}");

        let mut changed = site.database("cache");
        changed["metadata"]["namespace"] = json!(site.namespace);
        changed["spec"]["memorySize"] = json!("200Mi");
        let file = site.dir.join("change.json");
        std::fs::write(&file, changed.to_string())?;
        let file = file.display().to_string();
        let (status, text) = plan(&site, &["-n", &site.namespace, "-f", &file])?;
        assert_eq!(status, 2, "something to do: {text}");
        assert!(text.contains("memory"), "{text}");

        changed["spec"]["clusterRef"]["name"] = json!("nowhere");
        changed["metadata"]["name"] = json!("lost");
        std::fs::write(&file, changed.to_string())?;
        let (status, text) = plan(&site, &["-n", &site.namespace, "-f", &file])?;
        assert_eq!(status, 2, "something is held: {text}");
        assert!(text.contains("nowhere"), "{text}");

        std::fs::write(&file, "neither YAML: nor: anything")?;
        let (status, text) = plan(&site, &["-n", &site.namespace, "-f", &file])?;
        assert_eq!(status, 1, "the file cannot be read: {text}");
        assert!(text.contains("change.json"), "{text}");

        let counted = watched.since(moment).await?;
        assert!(counted.changes().is_empty(), "nothing is changed: {counted:?}");
        Ok(())
    });
}
