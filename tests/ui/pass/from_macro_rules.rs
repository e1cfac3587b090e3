macro_rules! program {
    ($name:ident, $pid:literal, $log:expr, $flag:literal, $seconds:literal) => {
        #[daemon::main(pid = $pid, log = $log, background_flag = $flag, ready_timeout = $seconds)]
        fn $name() {}
    };
}

program!(main, "/run/a.pid", concat!("/var/log/", "a.log"), "-b", 5);
