//! Real `redis-server` processes behind the databases of a served world.
//!
//! A thread of its own follows the world. Every server is steered through a socket in a private folder by a user of its own, so
//! that passwords, memory, eviction, TLS and the parts of master and replica change without a restart. It loses power with its
//! shard's machine, and ends with its database and with this process.

mod process;
mod relay;
mod steer;
mod wanted;

pub(super) use process::Stopping;
pub(super) use wanted::wanted;

use crate::sim::ids::ShardUid;
use crate::sim::state::Power;
use process::{Files, Guard, Process};
use relay::{Relay, SECRET};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use steer::Steer;
use wanted::{Seat, Wanted};

/// How often servers that ended by themselves are looked for, and failed ones tried again.
const LOOKS: Duration = Duration::from_millis(500);
/// Longest name of the folder: the sockets in it have names of limited length.
const FOLDER: usize = 70;

/// The running servers. They end when it is dropped.
pub(super) struct DataPlane {
    tools: Tools,
    folder: PathBuf,
    secret: String,
    databases: BTreeMap<String, Served>,
    /// What could not be done, by database: said once.
    failed: BTreeMap<String, String>,
    looked: Instant,
}

/// What every database's servers need.
struct Tools {
    guard: Guard,
    relay: Relay,
    stopping: Stopping,
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.databases.clear();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl DataPlane {
    /// No servers yet; their files go into a private folder.
    ///
    /// # Errors
    /// When there is no `redis-server` that will do, with the way to get it.
    pub(super) fn new(secret: String) -> Result<Self, String> {
        process::find()?;
        let relay = Relay::open().map_err(|error| format!("cannot listen on loopback: {error}"))?;
        Ok(Self {
            tools: Tools {
                guard: Guard::found(),
                relay,
                stopping: Stopping::default(),
            },
            folder: private_folder()?,
            secret,
            databases: BTreeMap::new(),
            failed: BTreeMap::new(),
            looked: Instant::now(),
        })
    }

    /// By which another thread tells it that everything ends.
    pub(super) fn stopping(&self) -> Stopping {
        self.tools.stopping.clone()
    }

    /// Whether something is to be done although the world has not changed.
    pub(super) fn needs_a_look(&mut self) -> bool {
        if self.looked.elapsed() < LOOKS {
            return false;
        }
        self.looked = Instant::now();
        let mut processes = self
            .databases
            .values_mut()
            .flat_map(|served| served.processes.values_mut());
        !self.failed.is_empty() || processes.any(Process::has_ended)
    }

    /// Starts, changes and ends servers until they are as the world wants them. Gives what could not be done, once.
    pub(super) fn follow(&mut self, wanted: BTreeMap<String, Wanted>) -> Vec<String> {
        self.databases.retain(|name, _| wanted.contains_key(name));
        self.failed.retain(|name, _| wanted.contains_key(name));
        let mut news = Vec::new();
        for (name, wanted) in wanted {
            if self.tools.stopping.now() {
                break;
            }
            let (folder, secret) = (self.folder.join(&name), self.secret_of(&name));
            let served = self.databases.entry(name.clone());
            let served = served.or_insert_with(|| Served::new(folder, secret, &wanted));
            match served.become_like(&self.tools, wanted) {
                Ok(()) => {
                    self.failed.remove(&name);
                }
                Err(error) => {
                    let before = self.failed.insert(name.clone(), error.clone());
                    if before.as_ref() != Some(&error) {
                        news.push(format!("database {name} is not served as it should be: {error}"));
                    }
                }
            }
        }
        let databases = &self.databases;
        self.tools
            .relay
            .keep(|secret| databases.values().any(|served| served.secret == secret));
        news
    }

    /// Each database has a secret of its own, by which the relay knows its replica.
    fn secret_of(&self, name: &str) -> String {
        let digest = Sha256::new()
            .chain_update(&self.secret)
            .chain_update(name)
            .finalize();
        let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        debug_assert_eq!(text.len(), SECRET);
        text
    }
}

/// A new folder that only we can look into.
fn private_folder() -> Result<PathBuf, String> {
    let folder = std::env::temp_dir().join(format!("resim-data-{}", std::process::id()));
    if folder.as_os_str().len() > FOLDER {
        return Err(format!(
            "{} is too long for --data-plane; set TMPDIR to a shorter path",
            folder.display()
        ));
    }
    // An earlier process of that number was killed.
    let _ = fs::remove_dir_all(&folder);
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    made.map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    Ok(folder)
}

/// The servers of one database.
struct Served {
    folder: PathBuf,
    secret: String,
    /// What they are, unless something failed.
    is: Option<Wanted>,
    processes: BTreeMap<ShardUid, Process>,
    /// The shard whose server has the truth; the others copy it.
    holder: Option<ShardUid>,
    /// Which of the database's flushes they have seen.
    flushes: u64,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.processes.clear();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Served {
    fn new(folder: PathBuf, secret: String, wanted: &Wanted) -> Self {
        Self {
            folder,
            secret,
            is: None,
            processes: BTreeMap::new(),
            holder: None,
            flushes: wanted.flushes,
        }
    }

    fn become_like(&mut self, tools: &Tools, wanted: Wanted) -> Result<(), String> {
        let ended = self.processes.values_mut().any(Process::has_ended);
        if self.is.as_ref() == Some(&wanted) && !ended {
            return Ok(());
        }
        self.is = None;
        let seats: Vec<Seat> = [wanted.master].into_iter().chain(wanted.replica).collect();
        self.power(&seats, &wanted);
        if wanted.master.power != Power::Frozen {
            self.staff(tools, &seats, &wanted)?;
        }
        self.processes
            .retain(|shard, _| seats.iter().any(|seat| seat.shard == *shard));
        self.is = Some(wanted);
        Ok(())
    }

    /// Ends servers whose machine lost power since, and holds those still whose machine hangs.
    fn power(&mut self, seats: &[Seat], wanted: &Wanted) {
        self.processes.retain(|shard, process| {
            let Some(seat) = seats.iter().find(|seat| seat.shard == *shard) else {
                return true;
            };
            let runs = match seat.power {
                Power::On => true,
                Power::Crashed => false,
                // A former master would keep the port from its successor.
                Power::Frozen => seat.shard == wanted.master.shard,
            };
            let runs = runs && process.booted == seat.booted && !process.has_ended();
            if runs {
                process.hold(seat.power == Power::Frozen);
            }
            runs
        });
    }

    /// Starts what is missing, and gives the servers their parts. Whoever outlived the others has the data.
    fn staff(&mut self, tools: &Tools, seats: &[Seat], wanted: &Wanted) -> Result<(), String> {
        let left = self.holder.filter(|shard| self.processes.contains_key(shard));
        let left = left.or_else(|| self.processes.keys().next().copied());
        for seat in seats.iter().filter(|seat| seat.power == Power::On) {
            self.start(tools, *seat, wanted)?;
        }
        let begins = wanted.master.shard;
        self.holder = left.or_else(|| self.processes.contains_key(&begins).then_some(begins));
        match self.holder {
            Some(holder) if wanted.master.power == Power::On => self.steer(tools, holder, wanted),
            Some(_) | None => Ok(()),
        }
    }

    fn start(&mut self, tools: &Tools, seat: Seat, wanted: &Wanted) -> Result<(), String> {
        if !self.processes.contains_key(&seat.shard) {
            let files = self.files(seat.shard);
            let process = Process::start(tools.guard, &files, wanted, &self.secret, seat.booted)?;
            self.processes.insert(seat.shard, process);
        }
        Ok(())
    }

    /// Gives the servers their configuration. `holder` has the data, whatever part it is to play.
    fn steer(&mut self, tools: &Tools, holder: ShardUid, wanted: &Wanted) -> Result<(), String> {
        let master = wanted.master.shard;
        if holder != master {
            self.hand_over(tools, holder, master)?;
        }
        let files = self.files(master);
        files.write(wanted)?;
        tools.relay.lead(&self.secret, files.socket.clone());
        let mut leader = self.connect(tools, master)?;
        leader.lead()?;
        leader.configure(wanted)?;
        if wanted.flushes > self.flushes {
            leader.flush()?;
            self.flushes = wanted.flushes;
        }
        leader.listen(wanted, &files)?;
        let Some(replica) = wanted.replica.filter(|seat| seat.power == Power::On) else {
            return Ok(());
        };
        let mut copy = self.connect(tools, replica.shard)?;
        copy.close()?;
        copy.configure(wanted)?;
        copy.replicate(tools.relay.address, &self.secret)?;
        leader.copied()
    }

    /// Lets the new master take over everything that `holder` has, before clients come to it.
    fn hand_over(&mut self, tools: &Tools, holder: ShardUid, master: ShardUid) -> Result<(), String> {
        tools.relay.lead(&self.secret, self.files(holder).socket);
        let mut old = self.connect(tools, holder)?;
        let mut new = self.connect(tools, master)?;
        old.close()?;
        old.lead()?;
        new.replicate(tools.relay.address, &self.secret)?;
        old.copied()?;
        new.lead()?;
        self.holder = Some(master);
        Ok(())
    }

    fn files(&self, shard: ShardUid) -> Files {
        Files::of(self.folder.join(shard.to_string()))
    }

    fn connect<'a>(&self, tools: &'a Tools, shard: ShardUid) -> Result<Steer<'a>, String> {
        Steer::connect(&self.files(shard).socket, &self.secret, &tools.stopping)
    }
}
