//! Tools of a distribution with the PID file and the program, as an administrator uses them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::daemon::read_report;
use crate::support::deadline::eventually;
use crate::support::outcome::Outcome;
use crate::support::process::Process;
use crate::support::scratch::Scratch;
use crate::support::{process, program, requires};

impl Scratch {
    fn tool(&self, name: &str, arguments: &[&str]) -> Outcome {
        let tool = requires::find(name).expect("it was asked for");
        self.start_path(&tool).args(arguments).run()
    }

    fn start_stop_daemon(&self, arguments: &[&str]) -> i32 {
        let pid_file = self.path("report.pid").display().to_string();
        let arguments = [arguments, &["--quiet", "--pidfile", &pid_file]].concat();
        self.tool("start-stop-daemon", &arguments).code()
    }

    fn status(&self) -> i32 {
        let options = "pid=report.pid\ncontrol_flag=-s";
        self.report()
            .options(options)
            .args(["-s", "status"])
            .run()
            .code()
    }
}

#[test]
fn start_stop_daemon_stops_the_daemon() {
    requires!(program("start-stop-daemon"));
    let scratch = Scratch::new();
    assert_eq!(scratch.start_stop_daemon(&["--status"]), 3);
    let daemon = scratch.up_and_reported("report stay");
    assert_eq!(scratch.start_stop_daemon(&["--status"]), 0);
    let exec = program::path("report").display().to_string();
    assert_eq!(scratch.start_stop_daemon(&["--status", "--exec", &exec]), 0);
    assert_eq!(scratch.start_stop_daemon(&["--stop", "--test"]), 0);
    assert!(daemon.process.is_alive());
    assert_eq!(scratch.start_stop_daemon(&["--stop"]), 0);
    assert!(daemon.process.wait().expect("its status").success());
    // An empty file tells this tool nothing: "unknown".
    assert_eq!(scratch.read("report.pid"), "");
    assert_eq!(scratch.start_stop_daemon(&["--status"]), 4);
    assert_eq!(scratch.status(), 3);
}

#[test]
fn start_stop_daemon_agrees_about_a_left_pid_file() {
    requires!(program("start-stop-daemon"));
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    assert_eq!(
        scratch.start_stop_daemon(&["--stop", "--signal", "KILL"]),
        0
    );
    daemon.process.wait();
    assert_eq!(scratch.start_stop_daemon(&["--status"]), 1);
    assert_eq!(scratch.status(), 1);
}

#[test]
fn start_stop_daemon_refuses_the_same_files() {
    requires!(program("start-stop-daemon"), root);
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    let writable = fs::Permissions::from_mode(0o666);
    fs::set_permissions(&daemon.pid_file, writable).expect("chmod");
    assert_ne!(scratch.start_stop_daemon(&["--stop"]), 0);
    let options = "pid=report.pid\ncontrol_flag=-s";
    let ours = scratch.report().options(options).args(["-s", "stop"]).run();
    assert_eq!(ours.code(), 4, "{ours:?}");
    assert!(daemon.process.is_alive());
}

#[test]
fn start_stop_daemon_backgrounds_the_foreground() {
    requires!(program("start-stop-daemon"));
    let scratch = Scratch::new();
    let tool = requires::find("start-stop-daemon").expect("it was asked for");
    let pid_file = scratch.path("theirs.pid");
    let outcome = scratch
        .report()
        .via(&tool)
        .args(["--start", "--background", "--make-pidfile", "--pidfile"])
        .arg(&pid_file)
        .arg("--exec")
        .arg(program::path("report"))
        .run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    let report = read_report(&scratch.path("report.json"));
    assert!(!report.is_daemon);
    assert_eq!(scratch.read("theirs.pid").trim(), report.pid.to_string());
    assert!(
        !scratch.path("report.pid").exists(),
        "the foreground takes no lock"
    );
}

#[test]
fn pgrep_and_pkill_see_the_lock() {
    requires!(program("pgrep"), program("pkill"));
    let scratch = Scratch::new();
    let daemon = scratch.up_and_reported("report stay");
    let own = format!("{}\n", daemon.pid());
    assert_eq!(scratch.tool("pgrep", &["-F", "report.pid"]).out_text(), own);
    // With `-L` only if the file is locked; and by the name that the program always has.
    let locked = ["-L", "-F", "report.pid", "-x", "report"];
    assert_eq!(scratch.tool("pgrep", &locked).out_text(), own);
    assert_eq!(scratch.tool("pkill", &["-F", "report.pid"]).code(), 0);
    assert!(daemon.process.wait().expect("its status").success());

    scratch.write("report.pid", own);
    assert_ne!(scratch.tool("pgrep", &["-L", "-F", "report.pid"]).code(), 0);
}

#[test]
fn flock_of_the_caller_changes_nothing() {
    requires!(linux("OFD locks"), program("flock"));
    let scratch = Scratch::new();
    scratch.write("report.pid", "");
    let flock = requires::find("flock").expect("it was asked for");
    let launch = scratch
        .background()
        .via(&flock)
        .arg("report.pid")
        .arg(program::path("report"))
        .arg("-d")
        .run();
    let daemon = scratch.daemon_of(launch, "report.pid");
    // Two kinds of locks: the flock ended with the launcher, the OFD lock is held.
    assert_eq!(
        scratch.tool("flock", &["-n", "report.pid", "true"]).code(),
        0
    );
    assert_eq!(scratch.status(), 0);
    daemon.stop();
}

#[test]
fn supervisord_runs_the_foreground() {
    requires!(program("supervisord"));
    let scratch = Scratch::new();
    let program = program::path("report").display().to_string();
    scratch.write(
        "supervisord.conf",
        format!(
            "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n\
             pidfile=supervisord.pid\n\
             [unix_http_server]\nfile=supervisor.sock\n\
             [rpcinterface:supervisor]\n\
             supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\
             [supervisorctl]\nserverurl=unix://supervisor.sock\n\
             [program:report]\ncommand={program}\nstartsecs=1\nstartretries=0\nautorestart=false\n"
        ),
    );
    let supervisord = requires::find("supervisord").expect("it was asked for");
    let supervisor = scratch
        .report()
        .via(&supervisord)
        .args(["-c", "supervisord.conf"])
        .spawn();
    let ctl = |command: &[&str]| {
        let arguments = [&["-c", "supervisord.conf"], command].concat();
        scratch.tool("supervisorctl", &arguments).out_text()
    };
    eventually("it is RUNNING", || {
        ctl(&["status", "report"]).contains("RUNNING").then_some(())
    });
    let report = read_report(&scratch.path("report.json"));
    assert!(!report.is_daemon);
    assert_eq!(report.ppid, supervisor.pid());
    assert!(ctl(&["status", "report"]).contains(&format!("pid {},", report.pid)));
    let process = Process::open(report.pid).expect("the program");
    assert!(ctl(&["stop", "report"]).contains("stopped"));
    assert!(!process.is_alive());
    ctl(&["shutdown"]);
    assert_eq!(supervisor.wait().code(), 0);
}

#[test]
fn supervisord_with_the_switch_gets_a_warning() {
    requires!(linux("the name of another process"), program("supervisord"));
    let scratch = Scratch::new();
    let report = program::path("report");
    scratch.write(
        "supervisord.conf",
        format!(
            "[supervisord]\nnodaemon=true\nlogfile=supervisord.out\npidfile=supervisord.pid\n\
             [program:report]\ncommand={} -d\nstartsecs=5\nstartretries=0\n\
             stderr_logfile=stderr\nstdout_logfile=stdout\n",
            report.display()
        ),
    );
    let supervisord = requires::find("supervisord").expect("supervisord");
    let start = scratch.report().via(&supervisord);
    let supervisor = start.args(["-c", "supervisord.conf"]).spawn();
    // It takes the end of the launcher for the end of the program.
    eventually("it has given up", || {
        scratch
            .read("supervisord.out")
            .contains("FATAL")
            .then_some(())
    });
    let daemon = read_report(&scratch.path("report.json"));
    assert!(daemon.is_daemon && process::stat(daemon.pid).is_some());
    assert!(scratch.read("stderr").contains("run in the foreground"));
    supervisor.signal(nix::sys::signal::Signal::SIGTERM);
    supervisor.wait();
    assert!(
        process::stat(daemon.pid).is_some(),
        "it is not supervisord's"
    );
    scratch.expect_order();
}

#[test]
fn start_stop_daemon_waits_for_ready() {
    requires!(program("start-stop-daemon"));
    let scratch = Scratch::new();
    let tool = requires::find("start-stop-daemon").expect("start-stop-daemon");
    let start = scratch.report().via(&tool);
    let outcome = start
        .args(["--start", "--quiet", "--background", "--notify-await"])
        .args(["--make-pidfile", "--pidfile"])
        .arg(scratch.path("theirs.pid"))
        .arg("--exec")
        .arg(program::path("report"))
        .does("sleep:500 report ready hang")
        .run();
    assert_eq!(outcome.code(), 0, "{outcome:?}");
    // Had it not waited, the report would come later.
    assert!(scratch.path("report.json").exists());
}
