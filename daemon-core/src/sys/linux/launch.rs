//! Starting the daemon: by two clones, or by forks on a system that does not do what these clones ask
//! for.

use super::clone::{Children, Refused};
use super::image;
use crate::sys::child::{Plan, SpawnFailure};
use crate::sys::fork;

pub(crate) use crate::sys::started::Child;

/// Starts the daemon, detached; returns when it executes the program.
pub(crate) fn start(plan: Plan) -> Result<Child, SpawnFailure> {
    start_or_fork(plan, false, |plan| fork::start(plan).map(Child::Forked))
}

/// As [`start`]; and the daemon is a child of this process, whatever the system.
pub(crate) fn start_own_child(plan: Plan) -> Result<Child, SpawnFailure> {
    start_or_fork(plan, true, |plan| {
        fork::start_own_child(plan).map(Child::Own)
    })
}

fn start_or_fork(
    plan: Plan,
    keeps_leader: bool,
    fork: fn(&Plan) -> Result<Child, SpawnFailure>,
) -> Result<Child, SpawnFailure> {
    let children = Children::new(plan)?;
    match children.start(keeps_leader) {
        Ok(child) => Ok(Child::Own(child)),
        Err(Refused::SpawnFailure(failure)) => Err(failure),
        Err(Refused::Unfit) => {
            let mut plan = children.into_plan();
            if let Some(path) = image::path_below_emulator() {
                plan.set_program(path);
            }
            fork(&plan)
        }
    }
}
