use super::*;
use crate::control::known_supervisor::KnownSupervisor;

use crate::sys::lock::ByteRange;

/// This process has the lock of this file, and something else supervises it.
fn supervised_by_another(name: &str) -> (File, File) {
    let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    let open = || {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        options.open(&path).unwrap()
    };
    let (held, looked_at) = (open(), open());
    std::fs::remove_file(&path).unwrap();
    assert!(lock::try_lock(&held, ByteRange::Daemon).unwrap());
    assert!(lock::try_lock(&held, ByteRange::BringUp).unwrap());
    lock::unlock_below(&held, 2).unwrap();
    (held, looked_at)
}

#[test]
fn missing_supervisor_is_unseen() {
    if !lock::has_byte_ranges() {
        return;
    }
    let (held, file) = supervised_by_another("unseen");
    let this = Holder::proved(&file, Pid::this(), &|_, _| Some(Evidence::Seen)).unwrap();
    // Neither this process nor its parent is one.
    let supervisor = KnownSupervisor::of(&this, &DaemonUser::Own);
    assert!(
        matches!(supervisor, KnownSupervisor::Unseen),
        "{supervisor:?}"
    );
    lock::unlock(&held, ByteRange::BringUp).unwrap();
    let supervisor = KnownSupervisor::of(&this, &DaemonUser::Own);
    assert!(
        matches!(supervisor, KnownSupervisor::None),
        "{supervisor:?}"
    );
}

/// As a daemon that ends while `stop` is at work.
#[test]
fn seen_holder_that_has_ended_stays_certain() {
    let path = std::env::temp_dir().join(format!("ended-{}", std::process::id()));
    let file = File::create(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    // Its start fits nothing, as after a change of the clock.
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let mut daemon = std::process::Command::new("sleep")
        .arg("600")
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(daemon.id().try_into().unwrap());
    let holder = Holder::proved(&file, pid, &|_, _| Some(Evidence::Seen));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(holder.unwrap().is_certain(&DaemonUser::Own));
}

/// As where the system has no locks on ranges of bytes.
#[test]
fn supervisor_without_a_stamp_may_be_older_than_the_file() {
    let path = std::env::temp_dir().join(format!("no-stamp-{}", std::process::id()));
    let file = File::create(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let an_hour = Duration::from_secs(60 * 60);
    for (evidence, is_later, fits) in [
        (Evidence::NamedSupervisor, true, true),
        (Evidence::NamedSupervisor, false, false),
        (Evidence::Named, true, false),
        (Evidence::Named, false, false),
    ] {
        let holder = Holder::proved(&file, Pid::this(), &|_, _| Some(evidence)).unwrap();
        let Some(since) = holder.since() else { return };
        let written = if is_later {
            since + an_hour
        } else {
            since - an_hour
        };
        file.set_modified(written).unwrap();
        assert_eq!(
            holder.has_started_in_time(),
            fits,
            "{evidence:?} {is_later}"
        );
    }
}
