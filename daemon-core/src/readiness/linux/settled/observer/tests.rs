use super::*;

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(command: &mut Command) -> (Program, Observer) {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let program = Program(pipes.spawn().unwrap());
    let pid = Pid::from_raw(program.0.id().try_into().unwrap());
    (program, Observer::watch(pid))
}

/// The first look after which nothing has run, and that shows this.
fn look_until(observer: &mut Observer, shows: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let snapshot = observer.look(Duration::ZERO, Depth::AllThreads);
        let is_last = observer.last.as_ref() == Some(&snapshot);
        if is_last && shows(&snapshot) && observer.nothing_has_run_since(&snapshot) {
            return Snapshot::clone(&snapshot);
        }
        assert!(Instant::now() < deadline, "{snapshot:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn daemon_that_has_not_run_shows_what_it_showed_before() {
    let (mut program, mut observer) = start(&mut Command::new("cat"));
    // It runs its main loop when it has answered.
    program.0.stdin.as_ref().unwrap().write_all(b"a").unwrap();
    let mut answer = program.0.stdout.take().unwrap();
    answer.read_exact(&mut [0]).unwrap();
    let first = look_until(&mut observer, |snapshot| {
        let mut threads = snapshot.processes.iter().flat_map(|it| &it.threads);
        threads.any(|thread| matches!(thread.activity, Activity::Waits(_)))
    });
    assert_eq!(*observer.look(Duration::ZERO, Depth::AllThreads), first);
    let mut moved = first.clone();
    moved.clock += Duration::from_nanos(1);
    assert!(!observer.nothing_has_run_since(&moved), "its clock moved");
    // As a thread shows that was woken and has no processor yet.
    observer.threads[0].shown = Some(Shown::Running);
    assert!(!observer.nothing_has_run_since(&first), "a thread woke up");
    drop(program);
    let last = observer.look(Duration::ZERO, Depth::AllThreads);
    assert!(last.processes.is_empty());
}

#[test]
fn child_that_the_last_look_has_missed_is_seen() {
    // The child ends with its standard input.
    let script = "exec 3<&0; cat <&3 & exec sleep 1000";
    let (program, mut observer) = start(Command::new("sh").args(["-c", script]));
    let comm = format!("/proc/{}/comm", program.0.id());
    let mut both = look_until(&mut observer, |snapshot| {
        let is_executed = fs::read_to_string(&comm).is_ok_and(|name| name == "sleep\n");
        is_executed && snapshot.processes.len() == 2
    });
    both.processes.pop();
    assert!(!observer.nothing_has_run_since(&both));
}
