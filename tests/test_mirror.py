"""Every module has a test file of its name in the mirrored folder, or stands in a list here, with who tests it."""

from pathlib import Path

from tests.source_tree import PACKAGE, ROOT, SOURCES

IN_RAY = {
    "cli/doctor.py": "ray/head/test_doctor.py",
    "cli/submit.py": "ray/head/test_jobs.py",
    "cli/tune.py": "ray/test_tune.py",
    "operations/doctor.py": "ray/head/test_doctor.py",
    "operations/performance_probes.py": "ray/head/test_doctor.py",
    "rllib/algorithm.py": "ray/test_algorithm.py",
    "rllib/algorithm_config.py": "ray/test_engine.py",
    "rllib/callbacks.py": "ray/test_engine.py",
    "rllib/cluster.py": "ray/test_cluster.py",
    "rllib/connector.py": "ray/test_engine.py",
    "rllib/engine.py": "ray/test_engine.py",
    "rllib/engine_state.py": "ray/test_engine.py",
    "rllib/sample_stream.py": "ray/test_async.py",
    "rllib/env_runner.py": "ray/test_engine.py",
    "rllib/gauges.py": "ray/test_prometheus.py",
    "rllib/learner.py": "ray/test_engine.py",
    "rllib/learners.py": "ray/test_faults.py",
    "rllib/node_monitor.py": "ray/test_monitoring.py",
    "rllib/old/action_distribution.py": "ray/test_old_stack.py",
    "rllib/old/engine.py": "ray/test_old_stack.py",
    "rllib/old/model_v2.py": "ray/test_old_stack.py",
    "rllib/old/vector_env.py": "ray/test_old_stack.py",
    "rllib/own_run.py": "ray/test_own_way.py",
    "rllib/placement/draining.py": "ray/test_faults.py",
    "rllib/placement/elastic.py": "ray/test_faults.py",
    "rllib/placement/launch.py": "ray/test_placement.py",
    "rllib/placement/place.py": "ray/test_placement.py",
    "rllib/placement/room.py": "ray/test_placement.py",
    "rllib/rl_module.py": "ray/test_rl_module.py",
    "rllib/run_settings.py": "ray/test_own_way.py",
    "rllib/runner_group.py": "ray/test_faults.py",
    "rllib/signal_handlers.py": "ray/test_cluster.py",
    "rllib/ticket.py": "ray/test_ticket.py",
    "training/learner_report.py": "ray/test_monitoring.py",
    "tune/queue.py": "ray/test_tune.py",
    "tune/schedulers.py": "ray/test_tune.py",
    "tune/session.py": "ray/test_tune.py",
    "tune/study.py": "ray/test_tune.py",
}
"""Acts within Ray: what it does is seen in a real one."""

DECLARED = {
    "config/allocate.py": "unit/config/test_ranges.py",
    "config/allocate_episodes.py": "unit/config/test_ranges.py",
    "config/controllers.py": "unit/config/test_ranges.py",
    "config/curriculum.py": "unit/config/test_ranges.py",
    "config/navigate.py": "unit/config/test_ranges.py",
    "config/given_scenarios.py": "unit/environment/allocate/test_varied_scenarios.py",
    "config/section.py": "unit/config/test_ranges.py",
    "config/study.py": "unit/config/test_ranges.py",
    "environment/allocate/columns.py": "unit/environment/shared/test_columns.py",
    "environment/allocate/generator_ranges.py": "unit/environment/allocate/test_generator.py",
    "environment/allocate/state_bounds.py": "unit/training/checkpoints/test_content.py",
    "environment/allocate/task.py": "unit/environment/test_tasks.py",
    "environment/navigate/columns.py": "unit/environment/shared/test_columns.py",
    "environment/navigate/generator_ranges.py": "unit/environment/navigate/test_generator.py",
    "environment/navigate/state_bounds.py": "unit/training/checkpoints/test_content.py",
    "environment/navigate/task.py": "unit/environment/test_tasks.py",
    "environment/scenario/world_rules.py": "unit/environment/allocate/test_scenario_rules.py",
    "environment/shared/readings.py": "unit/environment/allocate/test_readings.py",
    "environment/shared/planning.py": "unit/environment/allocate/test_plans.py",
    "environment/task.py": "unit/environment/test_tasks.py",
    "operations/finding.py": "unit/operations/test_machine_checks.py",
    "schedulers/verdict.py": "unit/schedulers/test_curriculum.py",
    "training/engine.py": "unit/training/test_loop.py",
    "types.py": "unit/model/test_transformer_gnn.py",
}
"""Declares fields, ranges or parts; a test goes through all of them."""

AGAINST_THE_LOOPED_WORLD = {
    "environment/allocate/choices.py": "unit/environment/allocate/test_reference.py",
    "environment/allocate/delivery.py": "unit/environment/allocate/test_service.py",
    "environment/allocate/ends.py": "unit/environment/allocate/test_reference.py",
    "environment/allocate/episode_start.py": "unit/environment/allocate/test_worlds.py",
    "environment/allocate/features.py": "unit/environment/allocate/test_observation.py",
    "environment/allocate/heuristics/cbba.py": "unit/environment/allocate/heuristics/test_laws.py",
    "environment/allocate/heuristics/route_model.py": "unit/environment/allocate/heuristics/test_optimum.py",
    "environment/allocate/intent.py": "unit/environment/allocate/test_announce.py",
    "environment/allocate/interval.py": "unit/environment/allocate/test_reference.py",
    "environment/allocate/recording.py": "unit/evaluation/test_allocate_trace.py",
    "environment/allocate/reward.py": "unit/environment/allocate/test_reference.py",
    "environment/allocate/scenarios.py": "unit/environment/scenario/test_scenario_file.py",
    "environment/allocate/state.py": "unit/environment/allocate/test_worlds.py",
    "environment/navigate/episode_start.py": "unit/environment/navigate/test_worlds.py",
    "environment/navigate/features.py": "unit/environment/navigate/test_observation.py",
    "environment/navigate/heuristics/random_play.py": "unit/environment/navigate/heuristics/test_laws.py",
    "environment/navigate/heuristics/straight.py": "unit/environment/navigate/heuristics/test_laws.py",
    "environment/navigate/recording.py": "unit/evaluation/test_navigate_trace.py",
    "environment/navigate/reward.py": "unit/environment/navigate/test_by_hand.py",
    "environment/navigate/state.py": "unit/environment/navigate/test_worlds.py",
    "environment/navigate/step.py": "unit/environment/navigate/test_by_hand.py",
    "environment/shared/credit.py": "unit/environment/allocate/test_reference.py",
}
"""Kernels of one step, which the looped world or a formula calculates once more with all that they depend on."""

WITH_ITS_CALLER = {
    "api/decisions.py": "unit/api/test_on_board.py",
    "api/engines.py": "unit/api/test_training.py",
    "api/scores.py": "unit/api/test_evaluation.py",
    "cli/arguments.py": "unit/cli/test_paths.py",
    "cli/dashboards.py": "unit/metrics/test_prometheus.py",
    "cli/entry.py": "unit/cli/test_exits.py",
    "cli/legible.py": "unit/cli/test_console.py",
    "cli/train_request.py": "unit/cli/test_train.py",
    "config/address_secrets.py": "unit/config/test_shared_address.py",
    "config/formats.py": "unit/config/test_migrations.py",
    "config/user_folders.py": "unit/config/test_caches.py",
    "environment/scenario/given.py": "unit/training/test_settings.py",
    "environment/scenario/form.py": "unit/environment/scenario/test_scenario_file.py",
    "environment/scenario/map_features.py": "unit/environment/scenario/test_map_import.py",
    "environment/shared/interface.py": "unit/environment/faces/test_face.py",
    "metrics/dashboard.py": "unit/metrics/test_prometheus.py",
    "metrics/host.py": "unit/metrics/test_node.py",
    "metrics/mlflow.py": "unit/api/test_trackers.py",
    "metrics/wandb.py": "unit/api/test_trackers.py",
    "model/attention_backend.py": "unit/model/test_attention.py",
    "model/dense_attention.py": "unit/model/test_attention.py",
    "model/sparse_attention.py": "unit/model/test_attention.py",
    "operations/dashboard_client.py": "unit/operations/test_jobs.py",
    "operations/port_checks.py": "unit/operations/test_exposure_checks.py",
    "operations/ray_processes.py": "unit/operations/test_exposure_checks.py",
    "rllib/authentication.py": "unit/rllib/test_token_file.py",
    "sampling/acting.py": "unit/sampling/test_rollout.py",
    "sampling/network.py": "unit/sampling/test_rollout.py",
    "training/checkpoints/files.py": "unit/training/checkpoints/test_checkpoint.py",
    "training/callback.py": "unit/api/test_training.py",
    "training/local_engine.py": "unit/training/test_loop.py",
    "training/files/fetched_run.py": "unit/training/files/test_run_mirror.py",
    "training/files/metrics_file.py": "unit/training/files/test_run_folder.py",
    "training/files/run_names.py": "unit/training/files/test_run_folder.py",
    "training/run.py": "unit/training/test_loop.py",
    "training/start.py": "unit/training/test_loop.py",
    "training/files/status.py": "unit/cli/test_top.py",
    "training/tracker_openers.py": "unit/api/test_trackers.py",
    "training/trackers.py": "unit/api/test_trackers.py",
    "tune/report.py": "unit/tune/test_result.py",
    "tune/standing.py": "unit/tune/test_study_folder.py",
    "tune/trial_run.py": "unit/tune/test_trial.py",
    "tune/trial_store.py": "unit/tune/test_trial.py",
}
"""A part of what the named test plays or writes whole."""

TESTED_ELSEWHERE = IN_RAY | DECLARED | AGAINST_THE_LOOPED_WORLD | WITH_ITS_CALLER


def _own_test(module: Path) -> Path:
    return ROOT / "tests" / "unit" / module.parent / f"test_{module.name}"


MODULES = {str(path.relative_to(PACKAGE)) for path in SOURCES if path.name not in {"__init__.py", "__main__.py"}}


def test_modules__have_a_test_of_their_own_or_are_tested_elsewhere() -> None:
    assert [name for name in sorted(MODULES - TESTED_ELSEWHERE.keys()) if not _own_test(Path(name)).is_file()] == []


def test_list__holds_only_modules_without_a_test_of_their_own() -> None:
    assert sorted(TESTED_ELSEWHERE.keys() - MODULES) == []
    assert [name for name in TESTED_ELSEWHERE if _own_test(Path(name)).is_file()] == []
    assert len(TESTED_ELSEWHERE) == sum(map(len, (IN_RAY, DECLARED, AGAINST_THE_LOOPED_WORLD, WITH_ITS_CALLER)))


def test_list__names_tests_that_are_there() -> None:
    assert [test for test in TESTED_ELSEWHERE.values() if not (ROOT / "tests" / test).is_file()] == []
