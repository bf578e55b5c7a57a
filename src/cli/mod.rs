//! Floor 5: the verbs of the command, one file each.

pub mod crds;
mod manifest;
pub mod plan;
mod printout;

use crate::operator::process;
use crate::operator::process::RunOptions;
use clap::Parser;
use clap::Subcommand;
use std::process::ExitCode;

// The doc comments below are the help texts.

/// Operates Redis Enterprise Software clusters, their databases and certificates from Kubernetes objects.
#[derive(Debug, Parser)]
#[command(name = "regent", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Run(RunOptions),
    /// Print what the operator would do, and why; touch nothing. Exits with 0 if there is nothing to do, 2 if there is
    /// something to do, held or waited for, 1 on an error.
    Plan(plan::PlanOptions),
    /// Print the CustomResourceDefinitions: `regent crds | kubectl apply --server-side -f -`.
    Crds,
}

/// Reads the command line and does what it says.
pub async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(options) => process::main(options).await,
        Command::Plan(options) => plan::main(options).await,
        Command::Crds => {
            print!("{}", crds::render());
            ExitCode::SUCCESS
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
