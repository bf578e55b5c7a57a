//! Defects that release notes admit: each is at work in the builds that had it, and can be turned on or off in any other.

use super::version::{Build, Profile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Bug {
    /// Whose password `/v1/users/password` changes.
    PasswordCallsHitCaller,
    /// What `skip_shards_restore` leaves behind.
    SnapshotStaysBehind,
    /// What a customer's certificate between nodes does to the REST API.
    InternodeUploadStopsApi,
    /// What becomes of a certificate between nodes that is uploaded together with others.
    MixedInternodeUpload,
    /// Nodes that miss a rotation.
    RotationSkipsDownNodes,
    /// Nodes of another version that join at the same time.
    ConcurrentJoinsLoseNodes,
    /// Which nodes serve the REST API while client certificates can be used to log in.
    CertificateLoginOnPrimaryOnly,
    /// What a follower says of a database's availability.
    AvailabilityRedirects,
    /// A certificate between nodes that no client can use.
    InternodeWithoutClientAuth,
    /// A chain between nodes with intermediates.
    LongInternodeChain,
    /// A certificate without a Common Name.
    NamelessChainRefused,
    /// An update with an empty list of modules.
    EmptyModuleListRemoves,
    /// Status of an endpoint that is not on the node.
    EndpointAvailability500,
    /// Memory of a node that holds all shards that it may.
    FullNodeShowsNoRam,
    /// A role whose uid the caller chose.
    RoleUidRefused,
    /// A user that is updated while it is deleted.
    RacedUserIsCorrupt,
    /// Maintenance and a change of the leader.
    MaintenanceAbortsWithLeader,
    /// A cancelled action whose node is gone.
    OrphanedTaskStaysCancelling,
    /// Passwords while directories vouch for client certificates.
    LocalLoginsRefused,
    /// Recovering a database while nodes are missing.
    RecoveryNeedsEveryNode,
    /// Recovering a database with a plan that names no file.
    EmptyRecoveryPlanFails,
}

/// Row of the table of defects.
#[derive(Clone, Copy, Debug)]
pub struct BugRow {
    /// The defect.
    pub bug: Bug,
    /// How the command line names it.
    pub name: &'static str,
    /// What it does.
    pub effect: &'static str,
    /// Builds that have it: from the first, up to, not including, the second. An empty text stands for no limit.
    pub affected: &'static [(&'static str, &'static str)],
    /// Where it is admitted.
    pub source: &'static str,
}

/// Every defect.
pub const BUGS: &[BugRow] = &[
    BugRow {
        bug: Bug::PasswordCallsHitCaller,
        name: "password-calls-hit-caller",
        effect: "/v1/users/password ignores username and changes the caller's own password",
        affected: &[("7.8.2-34", "7.8.6-119"), ("7.22.0-95", "7.22.0-216")],
        source: "RS161290",
    },
    BugRow {
        bug: Bug::SnapshotStaysBehind,
        name: "snapshot-stays-behind",
        effect: "maintenance_off with skip_shards_restore keeps the snapshot: the node looks maintained, and the next maintenance \
                 takes none of its own and restores the old layout",
        affected: &[("", "7.8.6-119"), ("7.22.0-95", "7.22.0-216")],
        source: "RS122458",
    },
    BugRow {
        bug: Bug::InternodeUploadStopsApi,
        name: "internode-upload-stops-api",
        effect: "a customer's certificate between nodes makes the REST API of every node unreachable for three minutes",
        affected: &[("", "8.0.20-96")],
        source: "RS208996",
    },
    BugRow {
        bug: Bug::MixedInternodeUpload,
        name: "mixed-internode-upload",
        effect: "ccs_internode_encryption in one call with others: followers keep their old certificates of the others, and get \
                 the new certificate between nodes with the old key",
        affected: &[("", "8.0.20-68")],
        source: "RS199373",
    },
    BugRow {
        bug: Bug::RotationSkipsDownNodes,
        name: "rotation-skips-down-nodes",
        effect: "a node that is down while internal certificates rotate keeps the old ones after its return",
        affected: &[("", "8.2.0-46")],
        source: "RS200137",
    },
    BugRow {
        bug: Bug::ConcurrentJoinsLoseNodes,
        name: "concurrent-joins-lose-nodes",
        effect: "nodes of another version than the cluster's that join at the same time delete each other's entry, and their \
                 joins fail with internal_error",
        affected: &[("", "8.0.18-36")],
        source: "RS195106",
    },
    BugRow {
        bug: Bug::CertificateLoginOnPrimaryOnly,
        name: "certificate-login-on-primary-only",
        effect: "with mtls_certificate_authentication, followers answer 503 to all but bootstrap",
        affected: &[("", "7.22.2-14")],
        source: "RS162972",
    },
    BugRow {
        bug: Bug::AvailabilityRedirects,
        name: "availability-redirects",
        effect: "followers answer 307 to a database's availability, as to calls of the cluster",
        affected: &[("", "7.22.2-79"), ("8.0.2-17", "8.0.10-64")],
        source: "RS182423",
    },
    BugRow {
        bug: Bug::InternodeWithoutClientAuth,
        name: "internode-without-client-auth",
        effect: "a certificate between nodes without clientAuth is accepted; nodes that use it lose each other, and with them \
                 the quorum",
        affected: &[("", "7.22.2-79"), ("8.0.2-17", "8.0.10-64")],
        source: "RS176474",
    },
    BugRow {
        bug: Bug::LongInternodeChain,
        name: "long-internode-chain",
        effect: "a certificate between nodes with a chain of three or more makes the checks of every node fail",
        affected: &[("", "8.0.20-68")],
        source: "RS194253",
    },
    BugRow {
        bug: Bug::NamelessChainRefused,
        name: "nameless-chain-refused",
        effect: "a chain with a certificate that has no Common Name is refused",
        affected: &[("", "7.8.2-34")],
        source: "RS61676, a known issue of every 7.4 build",
    },
    BugRow {
        bug: Bug::EmptyModuleListRemoves,
        name: "empty-module-list-removes",
        effect: "an update of a database with an empty module_list removes its modules instead of being refused",
        affected: &[("", "7.22.0-95")],
        source: "RS142296",
    },
    BugRow {
        bug: Bug::EndpointAvailability500,
        name: "endpoint-availability-500",
        effect: "the local availability of an endpoint that is not bound on the node is 500 instead of 503",
        affected: &[("", "7.22.0-216")],
        source: "RS152761",
    },
    BugRow {
        bug: Bug::FullNodeShowsNoRam,
        name: "full-node-shows-no-ram",
        effect: "the status of a node with as many shards as it may hold shows no provisional memory",
        affected: &[("", "8.0.2-17")],
        source: "RS162290",
    },
    BugRow {
        bug: Bug::RoleUidRefused,
        name: "role-uid-refused",
        effect: "a role cannot be created under a uid of the caller's choice: 409 uid_exists",
        affected: &[("", "8.0.2-17")],
        source: "RS123263",
    },
    BugRow {
        bug: Bug::RacedUserIsCorrupt,
        name: "raced-user-is-corrupt",
        effect: "a user that is updated while its deletion is under way stays, in an error state in which it cannot be deleted",
        affected: &[("", "8.0.20-44")],
        source: "RS196954, RS181161",
    },
    BugRow {
        bug: Bug::MaintenanceAbortsWithLeader,
        name: "maintenance-aborts-with-leader",
        effect: "a maintenance action that runs while the leader is demoted is marked aborted, though its work is done",
        affected: &[("", "7.8.4-18")],
        source: "RS137337",
    },
    BugRow {
        bug: Bug::OrphanedTaskStaysCancelling,
        name: "orphaned-task-stays-cancelling",
        effect: "an action that is being cancelled while its node is lost stays in cancelling, and blocks its type until it is \
                 removed with the node",
        affected: &[("", "8.0.20-44")],
        source: "RS199077",
    },
    BugRow {
        bug: Bug::LocalLoginsRefused,
        name: "local-logins-refused",
        effect: "with cba in the LDAP configuration nobody logs in with user name and password",
        affected: &[("8.0.2-17", "8.0.20-68")],
        source: "RS203277",
    },
    BugRow {
        bug: Bug::RecoveryNeedsEveryNode,
        name: "recovery-needs-every-node",
        effect: "recovering a database fails while a node of the recovered cluster is missing",
        affected: &[("", "7.22.0-241")],
        source: "RS160282",
    },
    BugRow {
        bug: Bug::EmptyRecoveryPlanFails,
        name: "empty-recovery-plan-fails",
        effect: "recovering a database with an empty list of files fails, and the database stays in recovery",
        affected: &[("", "8.0.10-64")],
        source: "RS177389",
    },
];

impl BugRow {
    /// Whether the profile's build has it.
    #[must_use]
    pub fn affects(&self, profile: Profile) -> bool {
        let build = profile.build();
        let within = |(from, fixed): &(&str, &str)| {
            Build::of(from).is_none_or(|from| from <= build)
                && Build::of(fixed).is_none_or(|fixed| build < fixed)
        };
        self.affected.iter().any(within)
    }

    /// The builds that have it, for people: `before 7.8.6-119, 7.22.0-95 to before 7.22.0-216`.
    #[must_use]
    pub fn builds(&self) -> String {
        let span = |(from, fixed): &(&str, &str)| match (from.is_empty(), fixed.is_empty()) {
            (true, true) => "all".to_owned(),
            (true, false) => format!("before {fixed}"),
            (false, true) => format!("from {from}"),
            (false, false) => format!("{from} to before {fixed}"),
        };
        self.affected.iter().map(span).collect::<Vec<_>>().join(", ")
    }
}

/// Which defects are at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Bugs(BTreeSet<Bug>);

impl Bugs {
    /// Those of the profile's build.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        let had = BUGS.iter().filter(|row| row.affects(profile));
        Self(had.map(|row| row.bug).collect())
    }

    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Every one.
    #[must_use]
    pub fn all() -> Self {
        Self(BUGS.iter().map(|row| row.bug).collect())
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, bug: Bug) -> Self {
        self.0.insert(bug);
        self
    }

    /// Those that the command line names: none at all given is the build's own, `none`, `all`, or names.
    ///
    /// # Errors
    /// When there is no such defect.
    pub fn named(names: &[String]) -> Result<Option<Self>, String> {
        match names {
            [] => return Ok(None),
            [one] if one == "none" => return Ok(Some(Self::none())),
            [one] if one == "all" => return Ok(Some(Self::all())),
            _ => {}
        }
        let row = |name: &String| {
            let row = BUGS.iter().find(|row| row.name == name);
            row.map(|row| row.bug)
                .ok_or_else(|| format!("no defect {name:?}; --list-bugs names them"))
        };
        names
            .iter()
            .map(row)
            .collect::<Result<_, _>>()
            .map(|bugs| Some(Self(bugs)))
    }

    /// Whether the defect is at work.
    #[must_use]
    pub fn has(&self, bug: Bug) -> bool {
        self.0.contains(&bug)
    }
}

#[cfg(test)]
mod effects;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(profile: Profile) -> Vec<&'static str> {
        let had = BUGS.iter().filter(|row| row.affects(profile));
        had.map(|row| row.name).collect()
    }

    #[test]
    fn every_row_has_its_own_name_and_stands_for_another_defect() {
        let mut seen = Bugs::none();
        for row in BUGS {
            assert!(!seen.has(row.bug), "{} twice", row.name);
            let named = Bugs::named(&[row.name.to_owned()]).unwrap();
            assert_eq!(named, Some(Bugs::none().with(row.bug)));
            seen = seen.with(row.bug);
        }
        assert_eq!(seen, Bugs::all());
    }

    #[test]
    fn every_limit_is_a_build_and_every_span_has_builds() {
        for row in BUGS {
            for (from, fixed) in row.affected {
                assert!(from.is_empty() || Build::of(from).is_some(), "{from}");
                assert!(fixed.is_empty() || Build::of(fixed).is_some(), "{fixed}");
                assert!(
                    from.is_empty() || Build::of(from) < Build::of(fixed),
                    "{from} {fixed}"
                );
            }
        }
    }

    #[test]
    fn a_build_has_the_defects_that_were_not_fixed_before_it() {
        let has = |profile, name: &str| names(profile).contains(&name);
        assert!(has(Profile::V7_4_6, "snapshot-stays-behind"));
        assert!(!has(Profile::V7_8_6, "snapshot-stays-behind"));
        assert!(!has(Profile::V7_8_6, "password-calls-hit-caller"));
        assert!(has(Profile::V8_0_20, "internode-upload-stops-api"));
        assert!(!has(Profile::V8_0_20, "mixed-internode-upload"));
        assert_eq!(names(Profile::V8_2_0), ["rotation-skips-down-nodes"]);
    }

    #[test]
    fn the_command_line_names_some_none_or_all() {
        let named =
            |text: &[&str]| Bugs::named(&text.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(named(&[]), Ok(None));
        assert_eq!(named(&["none"]), Ok(Some(Bugs::none())));
        assert_eq!(named(&["all"]), Ok(Some(Bugs::all())));
        let two = Bugs::none()
            .with(Bug::AvailabilityRedirects)
            .with(Bug::RoleUidRefused);
        assert_eq!(
            named(&["role-uid-refused", "availability-redirects"]),
            Ok(Some(two))
        );
        assert!(named(&["no-such-defect"]).unwrap_err().contains("--list-bugs"));
    }
}
