#[daemon::main(ready = ["tcp:80", "udp:53", "unix:{pid_dir}/a.sock", "unix:@abstract"])]
fn main() {}

// expands to

fn main() {
    let _daemon = ::daemon::__private::ready(
            ::daemon::Readiness::all([
                ::daemon::Readiness::tcp(80),
                ::daemon::Readiness::udp(53),
                ::daemon::Readiness::unix(
                    ::daemon::PathSource::template("{pid_dir}/a.sock"),
                ),
                ::daemon::Readiness::unix("@abstract"),
            ]),
        )
        .enter();
    {}
}
