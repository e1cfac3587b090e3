//! The attribute below a macro by example, which passes an executor to `main`.

#[macro_rules_attribute::apply(smol_macros::main!)]
#[daemon::main(pid = "{name}.pid", log = "{name}.log", ready = "listening")]
async fn main(executor: &smol::Executor<'_>) -> std::io::Result<()> {
    executor.spawn(runtimes::smol::serve()).await
}
