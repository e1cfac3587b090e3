use super::*;

/// Memory at a few addresses.
struct FakeMemory(Vec<(u64, Vec<u8>)>);

impl FakeMemory {
    fn empty() -> Self {
        Self(Vec::new())
    }

    fn words(address: u64, words: &[i64]) -> Self {
        let bytes = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        Self(vec![(address, bytes)])
    }
}

impl Memory for FakeMemory {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        let known = self.0.iter().find(|(known, _)| *known == address);
        let bytes = known.and_then(|(_, bytes)| bytes.get(..buffer.len()));
        bytes.map(|bytes| buffer.copy_from_slice(bytes)).is_some()
    }
}

fn blocked(number: i64, arguments: [u64; 6]) -> BlockedCall {
    BlockedCall {
        number,
        arguments,
        stack: 0x7fff_0000_0000,
        instruction: 0x5555_0000_0000,
    }
}

fn wait(number: i64, arguments: [u64; 6], memory: &FakeMemory) -> Option<(Limit, Descriptors)> {
    let wait = blocked(number, arguments).wait(memory)?;
    Some((wait.limit, wait.descriptors))
}

fn limit(number: i64, arguments: [u64; 6], memory: &FakeMemory) -> Option<Limit> {
    wait(number, arguments, memory).map(|(limit, _)| limit)
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn lines_of_the_kernel_are_read() {
    assert_eq!(parse("running\n"), Some(Shown::Running));
    assert_eq!(
        parse("-1 0x7ffc07b0c3a8 0x7f2d1c2e4a3d\n"),
        Some(Shown::OutsideCall)
    );
    let line = "7 0x7f14 0x1 0x3e8 0x0 0x7fc0 0x1 0x7ffe144a7b38 0x7fc0bb1a9a00\n";
    let Some(Shown::Blocked(call)) = parse(line) else {
        panic!("{line}");
    };
    assert_eq!(call.number, 7);
    assert_eq!(call.arguments, [0x7f14, 1, 0x3e8, 0, 0x7fc0, 1]);
    for broken in [
        "",
        "x",
        "7",
        "7 0x1 0x1 0x1 0x1 0x1 0x1 0x7ffe144a7b38",
        "7 1 2 3 4 5 6 7 8",
    ] {
        assert_eq!(parse(broken), None, "{broken}");
    }
}

#[test]
fn call_of_32_bit_process_is_foreign() {
    let line = "265 0x0 0x0 0xffffd2b8 0xffffd2b8 0x5 0x0 0xffffd270 0xf7f3a579";
    assert_eq!(parse(line), Some(Shown::Foreign));
}

#[test]
fn call_that_is_not_known_is_no_wait() {
    let memory = FakeMemory::empty();
    for number in [
        libc::SYS_connect,
        libc::SYS_flock,
        libc::SYS_fcntl,
        libc::SYS_openat,
        libc::SYS_write,
        libc::SYS_sendto,
        libc::SYS_semop,
        libc::SYS_fsync,
        100_000,
    ] {
        assert_eq!(limit(number, [3, 0, 0, 0, 0, 0], &memory), None, "{number}");
    }
}

#[test]
fn milliseconds_are_a_c_int() {
    let memory = FakeMemory::empty();
    let epoll = |timeout| limit(libc::SYS_epoll_pwait, [4, 0, 0, timeout, 0, 0], &memory);
    assert_eq!(epoll(250), Some(Limit::After(250 * MS)));
    assert_eq!(epoll(u64::MAX), Some(Limit::None));
    assert_eq!(
        epoll(0xffff_ffff),
        Some(Limit::None),
        "the upper half is not cleared"
    );
}

#[test]
fn timespec_is_read_from_memory() {
    let memory = FakeMemory::words(0x1000, &[2, 500_000_000]);
    let sleep = |address| limit(libc::SYS_nanosleep, [address, 0, 0, 0, 0, 0], &memory);
    assert_eq!(sleep(0x1000), Some(Limit::After(2500 * MS)));
    assert_eq!(sleep(0x2000), Some(Limit::Unknown));
    let ppoll = |address| limit(libc::SYS_ppoll, [0, 0, address, 0, 0, 0], &memory);
    assert_eq!(ppoll(0), Some(Limit::None));
    assert_eq!(ppoll(0x1000), Some(Limit::After(2500 * MS)));
}

#[test]
fn absolute_times_keep_their_clock() {
    let memory = FakeMemory::words(0x1000, &[7, 0]);
    let seven = Duration::from_secs(7);
    let at = |clock| Some(Limit::At(clock, seven));
    let sleep = |flags| {
        let realtime = libc::CLOCK_REALTIME.unsigned_abs().into();
        limit(
            libc::SYS_clock_nanosleep,
            [realtime, flags, 0x1000, 0, 0, 0],
            &memory,
        )
    };
    assert_eq!(sleep(0), Some(Limit::After(seven)));
    assert_eq!(sleep(1), at(libc::CLOCK_REALTIME));
    let futex = |operation| limit(libc::SYS_futex, [0, operation, 0, 0x1000, 0, 0], &memory);
    assert_eq!(futex(128), Some(Limit::After(seven)));
    assert_eq!(futex(128 | 9), at(libc::CLOCK_MONOTONIC));
    assert_eq!(futex(128 | 256 | 9), at(libc::CLOCK_REALTIME));
    assert_eq!(futex(6), at(libc::CLOCK_REALTIME));
    assert_eq!(futex(1), None, "a wake-up is no wait");
    let waitv = limit(libc::SYS_futex_waitv, [0, 1, 0, 0x1000, 1, 0], &memory);
    assert_eq!(waitv, at(libc::CLOCK_MONOTONIC));
}

#[test]
fn ring_waits_as_long_as_its_argument_says() {
    let mut memory = FakeMemory::words(0x1010, &[0x2000]);
    memory.0.extend(FakeMemory::words(0x2000, &[1, 0]).0);
    let ring = |flags| {
        wait(
            libc::SYS_io_uring_enter,
            [5, 0, 1, flags, 0x1000, 24],
            &memory,
        )
    };
    let set = |fds: &[RawFd]| Descriptors::Set(fds.to_vec());
    assert_eq!(ring(1), Some((Limit::None, set(&[5]))));
    assert_eq!(ring(1 | 8), Some((Limit::After(1000 * MS), set(&[5]))));
    assert_eq!(
        ring(1 | 16),
        Some((Limit::None, Descriptors::Unknown)),
        "a registered ring is no descriptor"
    );
}

#[test]
fn interrupted_call_has_an_unknown_limit() {
    let memory = FakeMemory::empty();
    assert_eq!(
        limit(libc::SYS_restart_syscall, [0; 6], &memory),
        Some(Limit::Unknown)
    );
}

#[test]
fn descriptors_of_poll_and_select_are_found() {
    let pollfd = |fd: i32| {
        let mut bytes = fd.to_ne_bytes().to_vec();
        bytes.extend([1, 0, 0, 0]);
        bytes
    };
    let array = [pollfd(3), pollfd(-1), pollfd(9)].concat();
    let memory = FakeMemory(vec![(0x1000, array)]);
    let ppoll = |address| {
        wait(libc::SYS_ppoll, [address, 3, 0, 0, 0, 0], &memory)
            .unwrap()
            .1
    };
    assert_eq!(ppoll(0x1000), Descriptors::Set(vec![3, 9]));
    assert_eq!(ppoll(0x2000), Descriptors::Unknown);

    let memory = FakeMemory::words(0x1000, &[0b10_1000]);
    let select = |reads| {
        wait(libc::SYS_pselect6, [6, reads, 0, 0, 0, 0], &memory)
            .unwrap()
            .1
    };
    assert_eq!(select(0x1000), Descriptors::Set(vec![3, 5]));
    assert_eq!(select(0x2000), Descriptors::Unknown);
    assert_eq!(select(0), Descriptors::Set(Vec::new()));
}

#[test]
fn message_queue_may_bring_an_answer() {
    let memory = FakeMemory::empty();
    let wait = |number| wait(number, [7, 0, 0, 0, 0, 0], &memory);
    let queue = Descriptors::Set(vec![7]);
    let id = Descriptors::Unknown;
    assert_eq!(wait(libc::SYS_mq_timedreceive), Some((Limit::None, queue)));
    assert_eq!(wait(libc::SYS_msgrcv), Some((Limit::None, id)));
}

#[test]
fn place_differs_between_lines_of_code() {
    let here = blocked(libc::SYS_nanosleep, [0; 6]);
    let other_arguments = blocked(libc::SYS_nanosleep, [1; 6]);
    let elsewhere = BlockedCall {
        instruction: 0x5555_0000_0004,
        ..here
    };
    assert_eq!(here.place(), other_arguments.place());
    assert_ne!(here.place(), elsewhere.place());
}

/// The kernel shows a 32-bit call of a 64-bit program by its own number.
#[test]
#[cfg(target_arch = "x86_64")]
fn wait_by_a_32_bit_call_is_a_step_of_the_start() {
    // read, pause, socketcall, wait4, select, nanosleep, poll, futex, epoll_wait, accept4 and others.
    for number in [
        3, 29, 102, 114, 142, 162, 168, 240, 256, 267, 309, 364, 371, 407, 422,
    ] {
        assert_eq!(wait(number, [0; 6], &FakeMemory::empty()), None, "{number}");
    }
}
