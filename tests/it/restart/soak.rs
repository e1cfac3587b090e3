//! What takes minutes: a kill at every system call, and a storm of verbs and kills. `just soak` runs
//! it in full, and `just soak-short` in a shorter form.

mod slow;
mod storm;
mod sweeps;
