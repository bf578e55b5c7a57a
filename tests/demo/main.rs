//! `make demo`: a real Kubernetes API server, a simulated three-node Redis Enterprise, the operator, and the samples.
//!
//! Everything that it claims it has seen from outside: in the API server's audit log, in the simulator's request log, in
//! what the nodes answer. The operator is asked nothing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a world that cannot be set up is a failed test"
)]

mod checks;
#[path = "../support/live/mod.rs"]
mod live;
mod story;

use live::Result;
use live::certificates::Authority;
use live::controlplane::ControlPlane;
use live::objects;
use live::operator::Operator;
use live::resim::Resim;
use std::path::Path;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use story::Story;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

/// Name of the samples' cluster.
pub(crate) const CLUSTER_NAME: &str = "prod.redis.example.com";
/// Namespace of the samples.
pub(crate) const NAMESPACE: &str = "redis";
/// The operator's own namespace.
const OPERATOR_NAMESPACE: &str = "regent-system";
/// The operator's user, as the audit log names it.
pub(crate) const OPERATOR_USER: &str = "system:serviceaccount:regent-system:regent";
/// Time within which a signal that was sent is told.
const JUST_NOW: Duration = Duration::from_millis(200);
/// Time between two visits.
pub(crate) const INTERVAL: Duration = Duration::from_secs(3);

/// Everything that runs but the operator. Fields are ended in this order.
pub(crate) struct Stage {
    pub(crate) resim: Resim,
    pub(crate) control_plane: ControlPlane,
    pub(crate) client: kube::Client,
    pub(crate) authority: Authority,
    dir: PathBuf,
}

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        let interrupted = match interrupted() {
            Ok(interrupted) => interrupted,
            Err(error) => {
                eprintln!("demo: cannot listen for signals: {error}");
                return ExitCode::FAILURE;
            }
        };
        let mut interrupted = pin!(interrupted);
        // Whoever loses the race is dropped, and with it every process that it started.
        let outcome = tokio::select! {
            code = &mut interrupted => return code,
            outcome = demo() => outcome,
        };
        let Err(error) = outcome else {
            return ExitCode::SUCCESS;
        };
        // A signal ends a program in the moment before it has a process group of its own; that is no failure of ours.
        tokio::time::timeout(JUST_NOW, interrupted)
            .await
            .unwrap_or_else(|_| {
                eprintln!("\nDEMO FAILED: {error}");
                ExitCode::FAILURE
            })
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

/// Waits for Ctrl-C, the end of the terminal, or a polite request to end, from now on; gives what a shell calls such an end.
fn interrupted() -> std::io::Result<impl Future<Output = ExitCode>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        let number = tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
            _ = hangup.recv() => SignalKind::hangup(),
        };
        println!("\nInterrupted; everything is being stopped.");
        ExitCode::from(128 + u8::try_from(number.as_raw_value()).unwrap_or_default())
    })
}

async fn demo() -> Result<()> {
    let stays = std::env::var("DEMO_EXIT").as_deref() != Ok("1");
    regent::rest::tls::install_provider();
    let mut story = Story::begin();
    let dir = live::scratch("demo")?;
    // Whatever is declared last is ended first.
    let (stage, operator) = set(&dir, &mut story).await?;
    let outcome = tokio::select! {
        outcome = play(&stage, &mut story) => outcome,
        ended = ended(&stage, &operator) => Err(ended),
    };
    if let Err(error) = outcome {
        eprintln!("\nThe operator's last lines:\n{}", operator.last_lines());
        // Whatever failed, this may be why.
        check(&stage, &operator)?;
        return Err(error);
    }
    story.verdict("DEMO PASSED: every step above was seen from outside the operator.");
    if stays {
        how_to_go_on(&stage);
        return Err(ended(&stage, &operator).await);
    }
    drop(operator);
    drop(stage);
    // Nobody will look into the folder of a demo that passed.
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

/// Waits for the end of a part, which nobody asked for.
async fn ended(stage: &Stage, operator: &Operator) -> Box<dyn std::error::Error + Send + Sync> {
    loop {
        if let Err(error) = check(stage, operator) {
            return error;
        }
        tokio::time::sleep(JUST_NOW).await;
    }
}

/// Fails when a part has ended.
fn check(stage: &Stage, operator: &Operator) -> Result<()> {
    stage.control_plane.check()?;
    stage.resim.check()?;
    operator.check()
}

async fn set(dir: &Path, story: &mut Story) -> Result<(Stage, Operator)> {
    story.chapter("Setting the stage");
    let control_plane = ControlPlane::start(dir).await?;
    story.saw("a Kubernetes API server is ready (kube-apiserver and etcd, on loopback)");
    let resim = Resim::start(
        dir,
        &["--nodes", "3", "--speed", "5", "--ownership-tag", "regent_owner"],
    )
    .await?;
    let addresses: Vec<_> = resim
        .ready
        .nodes
        .iter()
        .map(|node| format!("{}:{}", node.address, node.port))
        .collect();
    story.saw(&format!(
        "three fresh Redis Enterprise nodes are simulated at {}",
        addresses.join(", ")
    ));

    let client = control_plane.client().await?;
    control_plane.apply(&root().join("deploy/install.yaml"))?;
    control_plane.kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd",
        "-l",
        "app.kubernetes.io/part-of=regent",
    ])?;
    let kubeconfig = dir.join("operator.kubeconfig");
    control_plane.kubeconfig_of(OPERATOR_NAMESPACE, "regent", &kubeconfig)?;
    let interval = format!("{}s", INTERVAL.as_secs());
    let flags = ["--interval", &interval, "--lease-namespace", OPERATOR_NAMESPACE];
    let mut operator = Operator::start(dir, "operator", &kubeconfig, &flags)?;
    operator.http("/readyz").await?;
    story.saw("deploy/install.yaml is applied, and the operator runs as its ServiceAccount");
    let authority = Authority::new("Example authority")?;
    let stage = Stage {
        resim,
        control_plane,
        client,
        authority,
        dir: dir.to_owned(),
    };
    Ok((stage, operator))
}

async fn play(stage: &Stage, story: &mut Story) -> Result<()> {
    let costs = checks::costs_begin(stage).await?;
    story.chapter("kubectl apply -f deploy/samples");
    secrets(stage).await?;
    stage.control_plane.apply(&root().join("deploy/samples"))?;
    checks::cluster_forms(stage, story).await?;
    checks::database_is_served(stage, story).await?;
    checks::certificates_are_applied(stage, story).await?;
    story.note(&checks::costs_so_far(stage, costs).await?);
    println!(
        "\n{}",
        stage
            .control_plane
            .kubectl(&["get", "regent", "-n", NAMESPACE])?
            .trim_end()
    );

    story.chapter("Somebody changes a value behind the operator's back");
    checks::drift_is_put_back(stage, story).await?;
    story.chapter("A node goes into maintenance and comes out again");
    checks::maintenance_on_and_off(stage, story).await?;
    story.chapter("Nothing to do");
    checks::silence(stage, story).await?;
    story.note(&checks::costs_so_far(stage, costs).await?);
    checks::no_invariant_was_broken(stage, story).await
}

/// The Secrets that the samples refer to and that a user would bring.
async fn secrets(stage: &Stage) -> Result<()> {
    stage
        .control_plane
        .apply(&root().join("deploy/samples/namespace.yaml"))?;
    let (client, authority) = (&stage.client, &stage.authority);
    for name in ["proxy-tls", "api-tls"] {
        let signed = authority.sign(CLUSTER_NAME)?;
        let data = [
            ("tls.crt", signed.chain_pem.as_str()),
            ("tls.key", signed.key_pem.as_str()),
        ];
        objects::secret(client, NAMESPACE, name, "kubernetes.io/tls", &data).await?;
    }
    objects::secret(
        client,
        NAMESPACE,
        "prod-ca",
        "Opaque",
        &[("ca.crt", &authority.pem)],
    )
    .await
}

fn how_to_go_on(stage: &Stage) {
    let kubeconfig = stage.control_plane.kubeconfig().display();
    let kubectl = live::target("controlplane");
    println!("\nEverything stays up until Ctrl-C. In another terminal:\n");
    println!("  export KUBECONFIG={kubeconfig}");
    println!("  alias kubectl='{} kubectl'", kubectl.display());
    println!("  kubectl get regent -n {NAMESPACE}");
    println!("  kubectl describe rsdb -n {NAMESPACE} sessions");
    println!("  kubectl edit rsdb -n {NAMESPACE} sessions");
    println!(
        "\nThe simulator's request log: http://127.0.0.1:{}/log",
        stage.resim.ready.admin_port
    );
    println!("Logs: {}", stage.dir.display());
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
