//! System calls that the system denies, as the filter of a container does, see `seccomp(2)`.

use std::io;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter,
};

use crate::support::start::Start;

impl Start {
    /// These calls fail with this error, in the program and in all that it starts.
    pub(crate) fn deny(self, calls: &[libc::c_long], errno: nix::errno::Errno) -> Self {
        self.filter(filter(calls, libc::SECCOMP_RET_ERRNO | errno as u32))
    }

    /// The kernel does not know locks of an open file description, as gVisor, WSL 1 and Linux before
    /// 3.15: `fcntl(2)` with their commands fails.
    pub(crate) fn without_ofd_locks(self) -> Self {
        let load = |offset| statement(BPF_LD | BPF_W | BPF_ABS, offset);
        let verdict = libc::SECCOMP_RET_ERRNO | libc::EINVAL.unsigned_abs();
        let mut calls = vec![
            load(0),
            sock_filter {
                jf: 4,
                ..statement(
                    BPF_JMP | BPF_JEQ | BPF_K,
                    u32::try_from(libc::SYS_fcntl).expect("a call"),
                )
            },
            // The lower half of the second argument.
            load(16 + 8),
        ];
        calls.push(sock_filter {
            jf: 2,
            ..statement(BPF_JMP | BPF_JGE | BPF_K, libc::F_OFD_GETLK.unsigned_abs())
        });
        calls.push(sock_filter {
            jt: 1,
            ..statement(BPF_JMP | BPF_JGT | BPF_K, libc::F_OFD_SETLKW.unsigned_abs())
        });
        calls.push(statement(BPF_RET | BPF_K, verdict));
        calls.push(statement(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW));
        self.filter(calls)
    }

    /// This call kills the process, in the program and in all that it starts.
    pub(crate) fn kill_at(self, call: libc::c_long) -> Self {
        self.filter(filter(&[call], libc::SECCOMP_RET_KILL_PROCESS))
    }

    fn filter(self, filter: Vec<sock_filter>) -> Self {
        self.before_exec(move || {
            let program = libc::sock_fprog {
                len: u16::try_from(filter.len()).unwrap_or(u16::MAX),
                filter: filter.as_ptr().cast_mut(),
            };
            // SAFETY: the call takes integers.
            let mut result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
            if result == 0 {
                let mode = libc::SECCOMP_MODE_FILTER;
                // SAFETY: the filter is read during the call, and `len` is its length.
                result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) };
            }
            if result == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        })
    }
}

/// Loads the number of the call, which comes first, and compares it with each of these, which get
/// this verdict.
fn filter(calls: &[libc::c_long], verdict: u32) -> Vec<sock_filter> {
    let mut filter = vec![statement(BPF_LD | BPF_W | BPF_ABS, 0)];
    for call in calls {
        filter.push(sock_filter {
            jf: 1,
            ..statement(
                BPF_JMP | BPF_JEQ | BPF_K,
                u32::try_from(*call).expect("a call"),
            )
        });
        filter.push(statement(BPF_RET | BPF_K, verdict));
    }
    filter.push(statement(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW));
    filter
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: u16::try_from(code).expect("a code"),
        jt: 0,
        jf: 0,
        k,
    }
}
