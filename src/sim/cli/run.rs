//! From flags to a served world, and to the status with which the process ends.

use super::make::{kept_addresses, make_world, note, restore, wanted_addresses};
use super::told::{banner, ready};
use super::{Log, ServeArgs};
use crate::sim::bugs::Bugs;
use crate::sim::fault::FaultPlan;
use crate::sim::serve::{Limits, Listeners, LogFormat, ServeOptions, Server, write_atomically};
use crate::sim::switch::Switches;
use crate::sim::world::World;
use serde_json::Value;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn run(args: &ServeArgs, given: impl Fn(&str) -> bool) -> Result<ExitCode, String> {
    if !(args.speed > 0.0 && args.speed.is_finite()) {
        return Err(format!("--speed {}: a positive number is wanted", args.speed));
    }
    let switches = read_switches(&args.switches)?;
    Bugs::named(&args.bugs)?;
    let (args, kept) = match &args.state_file {
        Some(path) if path.exists() => {
            let (args, world) = restore(args, path, given)?;
            (args, Some(world))
        }
        _ => (args.clone(), None),
    };
    let args = &args;
    let faults = wanted_faults(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    let violated = runtime.block_on(async {
        let admin = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), args.admin_port);
        let hint = "; --port 0 takes free ports, --bind 127.0.0.1 --one-address does with a single address";
        let wanted = match &kept {
            Some(world) => kept_addresses(world)?,
            None => wanted_addresses(args)?,
        };
        let listeners = Listeners::open(&wanted, admin)
            .await
            .map_err(|error| format!("{error}{hint}"))?;
        let listeners = match args.http_port {
            Some(port) => listeners.with_http(port).await?,
            None => listeners,
        };
        let world = match kept {
            Some(mut world) => {
                if let Some(faults) = faults {
                    world.set_faults(faults);
                }
                world
            }
            None => make_world(args, &listeners.nodes(), faults.unwrap_or_default(), switches)?,
        };
        serve_world(args, world, listeners).await
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(if violated? && args.strict {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    })
}

/// Serves until a signal; gives whether an invariant was broken.
async fn serve_world(args: &ServeArgs, world: World, listeners: Listeners) -> Result<bool, String> {
    let stop = stop_signal(args.die_with_parent)?;
    let ready = ready(args, &world, &listeners);
    let log = match args.log {
        Log::Text => LogFormat::Text,
        Log::Json => LogFormat::Json,
        Log::None => LogFormat::Off,
    };
    let server = Server::new(
        world,
        listeners,
        ServeOptions {
            speed: args.speed,
            log,
            ca_out: args.ca_out.clone(),
            state_file: args.state_file.clone().map(|path| (path, note(args))),
            limits: Limits::of_this_process(),
        },
    );
    let server = if args.data_plane {
        server.with_data_plane()?
    } else {
        server
    };
    let live = server.live();
    let mut stop = pin!(stop);
    let stopped = tokio::select! {
        () = server.complete() => false,
        () = &mut stop => true,
    };
    if stopped {
        server.run(std::future::ready(())).await;
    } else {
        tell(args, &ready)?;
        server.run(stop).await;
    }
    let violated = live
        .world()
        .violations()
        .iter()
        .any(|violation| !violation.advisory);
    Ok(violated)
}

/// Says that all is served.
fn tell(args: &ServeArgs, ready: &Value) -> Result<(), String> {
    if let Some(path) = &args.ready_file {
        write_atomically(path, &format!("{ready:#}\n"))?;
    }
    // Nobody may be reading.
    let _ = write!(std::io::stdout(), "{}", banner(args, ready));
    Ok(())
}

/// Resolves on Ctrl-C, on SIGTERM and, if wanted, when the parent process is gone.
fn stop_signal(with_parent: bool) -> Result<impl Future<Output = ()>, String> {
    let failed = |error| format!("cannot listen for signals: {error}");
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let parent = std::os::unix::process::parent_id();
    let orphaned = async move {
        while !with_parent || std::os::unix::process::parent_id() == parent {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = orphaned => {}
        }
    })
}

/// The rules of the file, then those of the flags; none if neither is given.
fn wanted_faults(args: &ServeArgs) -> Result<Option<FaultPlan>, String> {
    if args.faults.is_none() && args.fault.is_empty() {
        return Ok(None);
    }
    let nodes = usize::from(args.nodes);
    let mut plan = FaultPlan::default();
    if let Some(path) = &args.faults {
        plan = read_faults(path)?;
        plan.check(nodes)
            .map_err(|why| format!("{} is not a fault plan: {why}", path.display()))?;
    }
    let flags = FaultPlan {
        rules: args.fault.clone(),
    };
    flags.check(nodes).map_err(|why| format!("--fault: {why}"))?;
    plan.rules.extend(flags.rules);
    Ok(Some(plan))
}

fn read_faults(path: &Path) -> Result<FaultPlan, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not a fault plan: {error}", path.display()))
}

pub(super) fn read_switches(names: &[String]) -> Result<Switches, String> {
    let mut switches = Switches::all_default();
    for name in names {
        if name == "all" {
            return Ok(Switches::all_alternative());
        }
        switches.set(name)?;
    }
    Ok(switches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_switch_is_named() {
        assert!(
            read_switches(&["no-such-thing".to_owned()])
                .unwrap_err()
                .contains("no-such-thing")
        );
        assert_eq!(
            read_switches(&["all".to_owned()]),
            Ok(Switches::all_alternative())
        );
    }
}
