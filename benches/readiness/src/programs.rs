//! The programs, and how often each is started.

/// A program and what its start has to be given.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) binary: &'static str,
    pub(crate) arguments: &'static [&'static str],
    pub(crate) fails: bool,
    pub(crate) starts: usize,
    pub(crate) needs: Needs,
}

/// What the bench holds for a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// The file `large` is not in the cache.
    LargeFile,
    /// The file `lock` is locked by flock(2), or by fcntl(2).
    Flock,
    RecordLock,
    /// A writer has the FIFO open.
    Fifo,
    /// A connection that is refused after a second.
    LateRefusal,
    /// A name server that does not answer, by this `resolv.conf`.
    Resolver(&'static str),
}

macro_rules! programs {
    ($binary:literal, fails $fails:literal: $($name:literal x $starts:literal $(needs $needs:expr)?),* $(,)?) => {
        [$(Program {
            name: $name,
            binary: $binary,
            arguments: &[$name],
            fails: $fails,
            starts: $starts,
            needs: { let needs = Needs::Nothing; $(let _ = needs; let needs = $needs;)? needs },
        }),*]
    };
}

/// The shapes that the rule was tuned on.
pub(crate) fn zoo() -> Vec<Program> {
    let healthy = programs!("zoo", fails false:
        "std-tcp" x 20, "std-tcp2ms" x 20, "std-tcp-work" x 20, "std-threads" x 20, "udp" x 20,
        "unix" x 20, "tokio-mt" x 20, "tokio-ct" x 20, "tokio-mt-int" x 20, "tokio-ct-int" x 20,
        "tokio-mt-int100" x 20, "tokio-agent60" x 20, "tokio-agent1" x 5, "tokio-agent-conn" x 20,
        "tokio-signal" x 20, "tokio-pool" x 20, "tokio-pool-retry" x 20, "axum" x 20, "actix" x 20,
        "smol" x 20, "smol-int" x 20, "async-std" x 20, "mio-timers" x 20, "sigwait" x 20,
        "signal-hook" x 20, "ctrlc" x 20, "sleep30" x 20, "sleep5000" x 20, "sleep1000" x 5,
        "sleep100" x 5, "sleep10" x 5, "crossbeam" x 20, "crossbeam-timeout" x 20, "rayon" x 20,
        "fifo" x 20, "device" x 20, "inotify" x 20, "uring" x 20, "prefork" x 20,
        "child-pipe" x 20, "longpoll" x 20, "std-bot" x 20, "supervisor" x 20,
        "supervisor-busy" x 5, "main-sleeps" x 5, "thread-serves-child" x 20,
        "server-ticking-child" x 20, "feed" x 5,
    );
    let failing = programs!("zoo", fails true:
        "f-connect-timeout" x 10, "f-connect" x 10, "f-tokio-connect-timeout" x 10,
        "f-child" x 10, "f-child-work" x 10, "f-child-output" x 10, "f-tokio-child" x 10,
        "f-tokio-child-work" x 10, "f-work-sleep" x 10, "f-tokio-sleep" x 10,
        "f-tokio-ct-sleep" x 10, "f-smol-sleep" x 10, "f-backoff" x 10, "f-tokio-backoff" x 10,
        "f-condvar" x 10, "f-park" x 10, "f-recv-timeout" x 10, "f-join" x 10, "f-blocking" x 10,
        "f-condvar-work" x 10, "f-backtrace" x 10, "f-slow-reply" x 10, "f-tokio-slow-reply" x 10,
        "f-listen-slow-reply" x 10, "f-db-reply" x 10, "f-listen-sleep" x 10,
        "f-tokio-listen-sleep" x 10, "f-tokio-listen-backoff" x 10, "f-tokio-listen-connect" x 10,
        "f-tokio-accept-fail" x 10, "f-alarm" x 10, "f-uring-sleep" x 10, "f-poll-file" x 10,
        "f-sleep20" x 10, "f-sleep100" x 10, "f-sleep500" x 10, "f-sleep2000" x 5,
        "f-work750" x 10, "f-dns" x 5 needs Needs::Resolver("resolv1"),
        "f-tokio-dns" x 5 needs Needs::Resolver("resolv1"),
        "f-dns" x 5 needs Needs::Resolver("resolv5"),
        "f-flock" x 10 needs Needs::Flock, "f-fcntl" x 10 needs Needs::RecordLock,
        "f-fifo" x 10 needs Needs::Fifo, "f-disk" x 10 needs Needs::LargeFile,
        "f-unix-slow-reply" x 10, "f-tokio-unix-slow-reply" x 10, "f-listen-child" x 10,
        "f-std-listen-slow-reply" x 10, "f-udp-slow" x 10, "f-rcvtimeo" x 10,
        "f-connect-refused-late" x 10 needs Needs::LateRefusal,
        "f-tokio-connect-refused-late" x 10 needs Needs::LateRefusal,
        "f-metrics-first" x 10, "f-bind-5x500" x 5, "f-thread-listen-child" x 10,
        "f-greeting" x 10,
    );
    let mut all = Vec::from(healthy);
    all.extend(interpreters());
    all.extend(failing);
    for program in &mut all {
        if program.needs == Needs::Resolver("resolv5") {
            program.name = "f-dns5";
        }
    }
    all
}

/// Servers in other languages, which the daemon executes.
fn interpreters() -> [Program; 2] {
    let program = |name, arguments| Program {
        name,
        binary: "zoo",
        arguments,
        fails: false,
        starts: 10,
        needs: Needs::Nothing,
    };
    let node = "require('http').createServer((q, s) => s.end()).listen(0, '127.0.0.1')";
    [
        program(
            "py-http",
            const {
                &[
                    "exec",
                    "/usr/bin/python3",
                    "-m",
                    "http.server",
                    "0",
                    "--bind",
                    "127.0.0.1",
                ]
            },
        ),
        Program {
            arguments: Box::leak(Box::new(["exec", "node", "-e", node])),
            ..program("node", &[])
        },
    ]
}

/// Programs of published crates that the rule was not tuned on.
pub(crate) fn published() -> Vec<Program> {
    let healthy = programs!("published", fails false:
        "tonic-server" x 10, "rouille" x 10, "warp" x 10, "deadpool-warp" x 10, "rumqttc" x 10,
        "async-nats" x 10, "redis-worker" x 10, "game-server" x 5, "file-watcher" x 10,
        "tokio-cron" x 5, "clokwerk" x 5,
    );
    let failing = programs!("published", fails true:
        "f-r2d2-refused" x 10, "f-deadpool-silent" x 10, "f-postgres-unreachable" x 10,
        "f-redis-silent" x 10, "f-redis-manager" x 10, "f-rumqttc-refused" x 10,
        "f-nats-silent" x 10, "f-hickory" x 10, "f-redb-locked" x 10 needs Needs::Flock,
        "f-tonic-client" x 10, "f-websocket-silent" x 10,
    );
    [Vec::from(healthy), Vec::from(failing)].concat()
}
