//! Hard links, where others can make one and where they cannot.

use crate::support::requires;
use std::fs;

use super::stage::{Root, Unprivileged, VICTIM, expect_each_refused, give, names, place, state};
use crate::support::scratch::Scratch;

#[test]
fn hard_link_in_a_shared_directory_is_refused() {
    requires!(users);
    for (starter, modes) in [
        (Root, &[0o1777, 0o775][..]),
        (Unprivileged, &[0o1777, 0o777]),
    ] {
        for mode in modes {
            let scratch = Scratch::new();
            place(&scratch, 0, *mode);
            let victim = scratch.write("victim", VICTIM);
            give(&victim, starter.uid(), 0o644);
            for link in names(&scratch) {
                fs::hard_link(&victim, link).expect("link");
            }
            let before = state(&victim);
            expect_each_refused(&scratch, starter, 78, &["hard link"]);
            assert_eq!(state(&victim), before, "{starter:?} {mode:o}");
        }
    }
}

#[test]
fn hard_link_in_a_private_directory_is_allowed() {
    requires!(users);
    for starter in [Root, Unprivileged] {
        let scratch = Scratch::new();
        place(&scratch, starter.uid(), 0o755);
        let file = scratch.write("place/other.pid", "");
        give(&file, starter.uid(), 0o644);
        fs::hard_link(&file, scratch.path("place/report.pid")).expect("link");
        let launch = starter
            .start(&scratch)
            .options("pid=place/report.pid")
            .run();
        scratch.daemon_of(launch, "place/report.pid");
    }
}
