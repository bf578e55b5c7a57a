//! `regent plan`: what the operator would do, and why, from the same planner. Reads only.

use crate::api::ManagementPolicy;
use crate::api::RECONCILE_ANNOTATION;
use crate::api::RedisCluster;
use crate::cli::manifest::Manifest;
use crate::cli::manifest::overlay;
use crate::engine::ClusterView;
use crate::engine::Freshness;
use crate::engine::Moment;
use crate::operator::clock::Clock;
use crate::operator::kube::Kube;
use crate::operator::object::Kind;
use crate::operator::object::Object;
use crate::operator::object::ObjectKey;
use crate::operator::resolve::Live;
use crate::operator::resolve::Resolve;
use crate::operator::resolve::World;
use crate::operator::secrets::Secrets;
use crate::operator::stores::Shelf;
use crate::operator::stores::Stores;
use crate::plan::Plan;
use crate::plan::access::ClusterKey;
use crate::rest::Client as RestClient;
use crate::rest::transport::Transport;
use crate::rest::transport::over_tls;
use clap::Args;
use kube::Client;
use kube::Config;
use kube::ResourceExt;
use kube::config::KubeConfigOptions;
use kube::config::Kubeconfig;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Flags of `regent plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanOptions {
    /// Namespace whose objects are planned [default: that of the kubeconfig].
    #[arg(short, long)]
    namespace: Option<String>,
    /// File with objects: what would be done if they were applied. `-` reads standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Kubeconfig [default: $KUBECONFIG, ~/.kube/config, or that of the pod].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long)]
    context: Option<String>,
}

/// Exit code when there is something to do, held or waited for.
const CHANGES: u8 = 2;

/// Longer than the command runs: each Secret is read once.
const ONCE: Duration = Duration::from_secs(60 * 60 * 24);

/// Prints the plans of the objects.
pub async fn main(options: PlanOptions) -> ExitCode {
    match planned(options).await {
        Ok(planned) => {
            print!("{planned}");
            planned.exit_code()
        }
        Err(error) => {
            eprintln!("regent plan: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn planned(options: PlanOptions) -> Result<Planned, String> {
    let client = client(&options).await?;
    let namespace = options
        .namespace
        .clone()
        .unwrap_or_else(|| client.default_namespace().to_owned());
    let manifest = match &options.file {
        Some(file) => Some(
            Manifest::read(&text(file)?, &namespace)
                .map_err(|error| format!("{}: {error}", file.display()))?,
        ),
        None => None,
    };
    planned_over(client, over_tls(), Clock::system(), &namespace, manifest).await
}

/// The plans of the objects of a namespace, or of a manifest as if it were applied, with Redis Enterprise reached over
/// `transport`.
///
/// # Errors
/// When the API server does not answer.
pub async fn planned_over(
    client: Client,
    transport: Transport,
    clock: Clock,
    namespace: &str,
    manifest: Option<Manifest>,
) -> Result<Planned, String> {
    let way = Way {
        kube: Kube::new(client, "regent-plan"),
        rest: RestClient::new(transport),
        clock,
    };
    let scene = Scene::set(way, namespace, manifest).await?;
    let mut objects = scene.plans::<RedisCluster>().await;
    objects.extend(scene.plans::<crate::api::ClusterCertificate>().await);
    objects.extend(scene.plans::<crate::api::RedisDatabase>().await);
    Ok(Planned { objects })
}

async fn client(options: &PlanOptions) -> Result<Client, String> {
    let selected = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match &options.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| error.to_string())?;
            Config::from_custom_kubeconfig(kubeconfig, &selected)
                .await
                .map_err(|error| error.to_string())?
        }
        None if options.context.is_some() => Config::from_kubeconfig(&selected)
            .await
            .map_err(|error| error.to_string())?,
        None => Config::infer().await.map_err(|error| error.to_string())?,
    };
    Client::try_from(config).map_err(|error| error.to_string())
}

fn text(file: &PathBuf) -> Result<String, String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| format!("standard input: {error}"))?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Whom to ask.
struct Way {
    kube: Kube,
    rest: RestClient,
    clock: Clock,
}

/// The objects as they are, or as they would be with the file applied.
struct Scene {
    way: Way,
    /// When the command began: whatever was read since then will do.
    began: Moment,
    stores: Stores,
    secrets: Secrets,
    views: BTreeMap<ClusterKey, ClusterView>,
    /// What is planned.
    subjects: BTreeSet<ObjectKey>,
}

impl Scene {
    async fn set(way: Way, namespace: &str, manifest: Option<Manifest>) -> Result<Self, String> {
        let from_file = manifest.is_some();
        let manifest = manifest.unwrap_or_default();
        let mut subjects = keys(&manifest.clusters);
        subjects.extend(keys(&manifest.databases));
        subjects.extend(keys(&manifest.certificates));
        let namespaces = namespaces(&subjects, namespace);
        let secrets = Secrets::new(ONCE);
        for secret in &manifest.secrets {
            secrets
                .preload(&secret.namespace().unwrap_or_default(), secret)
                .await;
        }
        let (kube, now) = (&way.kube, way.clock.now());
        let clusters = overlay(clusters(kube, &namespaces).await?, manifest.clusters, now);
        let databases = overlay(objects(kube, &namespaces).await?, manifest.databases, now);
        let certificates = overlay(objects(kube, &namespaces).await?, manifest.certificates, now);
        if !from_file {
            let here = |key: &ObjectKey| key.namespace == namespace;
            subjects.extend(keys(&clusters).into_iter().filter(here));
            subjects.extend(keys(&databases));
            subjects.extend(keys(&certificates));
        }
        let views = clusters
            .iter()
            .map(|cluster| (cluster.cluster(), way.view(cluster)))
            .collect();
        let stores = Stores {
            clusters: Shelf::of(clusters),
            databases: Shelf::of(databases),
            certificates: Shelf::of(certificates),
        };
        Ok(Self {
            way,
            began: Moment::now(),
            stores,
            secrets,
            views,
            subjects,
        })
    }

    async fn plans<K: Resolve>(&self) -> Vec<ObjectPlan> {
        let mut plans = Vec::new();
        for key in self.subjects.iter().filter(|key| key.kind == K::KIND) {
            if let Some(object) = K::shelf(&self.stores).get(&key.namespace, &key.name) {
                plans.push(self.plan(&*object).await);
            }
        }
        plans
    }

    async fn plan<K: Resolve>(&self, object: &K) -> ObjectPlan {
        let cluster = self
            .stores
            .clusters
            .get(&object.cluster().namespace, &object.cluster().name);
        let outcome = match object
            .annotations()
            .get(RECONCILE_ANNOTATION)
            .is_some_and(|value| value == "paused")
        {
            true => Outcome::Paused,
            false => self.look(object).await.unwrap_or_else(Outcome::Error),
        };
        ObjectPlan {
            heading: heading(object, cluster.as_deref()),
            policy: object.management_policy(),
            outcome,
        }
    }

    async fn look<K: Resolve>(&self, object: &K) -> Result<Outcome, String> {
        let now = self.way.clock.now();
        let world = World {
            kube: &self.way.kube,
            stores: &self.stores,
            secrets: &self.secrets,
            live: Live::default(),
            now,
            takeover_until: None,
            fresh_since: None,
        };
        let inputs = object.resolve(&world).await.map_err(|error| error.to_string())?;
        let nobody = ClusterView::new(self.way.rest.clone());
        let view = self.views.get(&object.cluster()).unwrap_or(&nobody);
        let observed = object
            .observe(&inputs, view, Freshness::After(self.began), now)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Outcome::of(&object.plan(&inputs, &observed, now)))
    }
}

impl Way {
    /// A view that respects what the operator knows of rejected credentials.
    fn view(&self, cluster: &RedisCluster) -> ClusterView {
        let view = ClusterView::new(self.rest.clone());
        let status = cluster.status.as_ref();
        match status.and_then(|status| status.rejected_credentials.as_ref()) {
            Some(rejected) => view.with_rejected(rejected, self.clock.now()),
            None => view,
        }
    }
}

fn keys<K: Object>(objects: &[K]) -> BTreeSet<ObjectKey> {
    objects.iter().map(Object::key).collect()
}

/// The namespaces of the subjects; without any, the one that was asked for.
fn namespaces(subjects: &BTreeSet<ObjectKey>, namespace: &str) -> BTreeSet<String> {
    match subjects.is_empty() {
        true => [namespace.to_owned()].into(),
        false => subjects.iter().map(|key| key.namespace.clone()).collect(),
    }
}

async fn objects<K: Object>(kube: &Kube, namespaces: &BTreeSet<String>) -> Result<Vec<K>, String> {
    let mut objects = Vec::new();
    for namespace in namespaces {
        objects.extend(
            kube.list(Some(namespace))
                .await
                .map_err(|error| error.to_string())?,
        );
    }
    Ok(objects)
}

/// Every RedisCluster, because older ones elsewhere may claim the same cluster; those at hand where not all may be listed.
async fn clusters(kube: &Kube, namespaces: &BTreeSet<String>) -> Result<Vec<RedisCluster>, String> {
    match kube.list(None).await {
        Ok(clusters) => Ok(clusters),
        Err(error) if error.is_forbidden() => objects(kube, namespaces).await,
        Err(error) => Err(error.to_string()),
    }
}

fn heading<K: Object>(object: &K, cluster: Option<&RedisCluster>) -> String {
    let version = cluster.and_then(|cluster| cluster.status.as_ref()?.version.as_deref());
    let version = version.map(|version| format!(" ({version})")).unwrap_or_default();
    match K::KIND {
        Kind::RedisCluster => format!("{}{version}", object.key()),
        Kind::RedisDatabase | Kind::ClusterCertificate => {
            format!("{} -> cluster {}{version}", object.key(), object.cluster().name)
        }
    }
}

/// The plans of all objects. Prints them one after the other, then a summary.
pub struct Planned {
    objects: Vec<ObjectPlan>,
}

/// The plan of one object.
struct ObjectPlan {
    heading: String,
    policy: ManagementPolicy,
    outcome: Outcome,
}

enum Outcome {
    Paused,
    Planned {
        lines: String,
        todo: usize,
        held: usize,
        waiting: usize,
    },
    Error(String),
}

impl Outcome {
    fn of<A: fmt::Display>(plan: &Plan<A>) -> Self {
        Self::Planned {
            lines: plan.to_string(),
            todo: plan.steps.len(),
            held: plan.holds.len(),
            waiting: plan.waits.len(),
        }
    }
}

impl Planned {
    /// Steps to do, held, waited for; and objects that failed.
    fn counts(&self) -> (usize, usize, usize, usize) {
        self.objects
            .iter()
            .fold((0, 0, 0, 0), |sum, object| match &object.outcome {
                Outcome::Paused => sum,
                Outcome::Planned {
                    todo, held, waiting, ..
                } => (sum.0 + todo, sum.1 + held, sum.2 + waiting, sum.3),
                Outcome::Error(_) => (sum.0, sum.1, sum.2, sum.3 + 1),
            })
    }

    fn exit_code(&self) -> ExitCode {
        match self.counts() {
            (0, 0, 0, 0) => ExitCode::SUCCESS,
            (_, _, _, 0) => ExitCode::from(CHANGES),
            _ => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for object in &self.objects {
            writeln!(f, "{object}")?;
        }
        let (todo, held, waiting, failed) = self.counts();
        write!(f, "Plan: {todo} to do, {held} held, {waiting} waiting")?;
        match failed {
            0 => writeln!(f, "."),
            _ => writeln!(f, ", {failed} failed."),
        }
    }
}

impl fmt::Display for ObjectPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = match self.policy {
            ManagementPolicy::Enforce => "",
            ManagementPolicy::Plan => " [managementPolicy: Plan, nothing is carried out]",
            ManagementPolicy::Observe => " [managementPolicy: Observe]",
        };
        writeln!(f, "{}{note}", self.heading)?;
        match &self.outcome {
            Outcome::Paused => writeln!(f, "  paused"),
            Outcome::Error(error) => writeln!(f, "  error {error}"),
            Outcome::Planned { lines, .. } if lines.is_empty() => writeln!(f, "  nothing to do"),
            Outcome::Planned { lines, .. } => lines.lines().try_for_each(|line| writeln!(f, "  {line}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Reason;
    use crate::operator::resolve::tests::cluster;
    use crate::operator::resolve::tests::database;
    use crate::plan::Hold;
    use crate::plan::Step;
    use expect_test::expect;

    fn plan(steps: &[&'static str], held: Option<&str>) -> Outcome {
        let mut plan = Plan {
            steps: steps.iter().map(|step| Step::Call(*step)).collect(),
            ..Plan::default()
        };
        plan.holds.extend(held.map(|detail| Hold {
            what: "remove node n4".into(),
            why: Reason::OneNodeAtATime,
            detail: detail.into(),
        }));
        Outcome::of(&plan)
    }

    fn object(heading: String, outcome: Outcome) -> ObjectPlan {
        ObjectPlan {
            heading,
            policy: ManagementPolicy::Enforce,
            outcome,
        }
    }

    #[test]
    fn plans_print_object_by_object_with_a_summary() {
        let mut stands = cluster();
        stands.status = Some(crate::api::RedisClusterStatus {
            version: Some("8.0.10-64".into()),
            ..Default::default()
        });
        let planned = Planned {
            objects: vec![
                object(heading(&stands, Some(&stands)), plan(&[], Some("node n2 is out"))),
                object(
                    heading(&database("sessions"), Some(&stands)),
                    plan(&["create database sessions"], None),
                ),
                object(heading(&database("idle"), Some(&stands)), plan(&[], None)),
                object(heading(&database("still"), None), Outcome::Paused),
            ],
        };
        expect![[r#"
            RedisCluster redis/prod (8.0.10-64)
              hold  remove node n4: OneNodeAtATime (node n2 is out)

            RedisDatabase redis/sessions -> cluster prod (8.0.10-64)
              do    create database sessions

            RedisDatabase redis/idle -> cluster prod (8.0.10-64)
              nothing to do

            RedisDatabase redis/still -> cluster prod
              paused

            Plan: 1 to do, 1 held, 0 waiting.
        "#]]
        .assert_eq(&planned.to_string());
    }

    #[test]
    fn the_exit_code_tells_nothing_to_do_from_changes_and_errors() {
        let code = |outcome| {
            Planned {
                objects: vec![object("x".into(), outcome)],
            }
            .exit_code()
        };
        assert_eq!(
            format!("{:?}", code(plan(&[], None))),
            format!("{:?}", ExitCode::SUCCESS)
        );
        assert_eq!(
            format!("{:?}", code(plan(&["a"], None))),
            format!("{:?}", ExitCode::from(2))
        );
        assert_eq!(
            format!("{:?}", code(plan(&[], Some("x")))),
            format!("{:?}", ExitCode::from(2))
        );
        let failed = code(Outcome::Error("no answer".into()));
        assert_eq!(format!("{failed:?}"), format!("{:?}", ExitCode::FAILURE));
    }

    #[test]
    fn a_policy_that_carries_nothing_out_is_said() {
        let observed = ObjectPlan {
            policy: ManagementPolicy::Plan,
            ..object("RedisDatabase a/b".into(), plan(&["x"], None))
        };
        expect![[r#"
            RedisDatabase a/b [managementPolicy: Plan, nothing is carried out]
              do    x
        "#]]
        .assert_eq(&observed.to_string());
    }
}
