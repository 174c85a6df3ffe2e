# SPDX-License-Identifier: MIT
#
# loom-bench, twice: the whole of it for the host, and for the VM one that measures and has neither the
# simulator nor cairo in it.
BENCH := tools/loom-bench
BENCH_RUN := $(addprefix $(BENCH)/,run.c stream.c inputs.c lane_loomd.c \
	scenario.c scenario_figure.c scenario_main.c early.c traffic.c recording.c replay.c replay_cost.c \
	sort.c)
BENCH_REPORT := $(addprefix $(BENCH)/,report.c load.c figures.c bound.c table.c chrome.c timeline.c agree.c)
BENCH_SUBMIT := $(addprefix $(BENCH)/,submit_guest.c submit_loom.c submit_nvme.c submit_scale.c)
BENCH_SIMULATOR := $(addprefix $(BENCH)/,simulator.c simulator_measure.c simulator_peer.c simulator_vm.c)
BENCH_EXPERIMENT := $(addprefix $(BENCH)/,workload.c engine_device.c engine_model.c cell.c grid.c grid_out.c \
	paper.c pairs.c mixes.c optimum.c overhead.c overhead_step.c qos_mix.c open_loop.c qos.c qos_curve.c qos_picture.c qos_json.c qos_main.c \
	plot.c sweep.c sweep_out.c)

$(call static-library,loom-bench-report,$(BENCH_REPORT))
$(call static-library,loom-bench-run,$(BENCH_RUN))
$(call static-library,loom-bench-experiment,$(BENCH_EXPERIMENT))
$(call program,loom-bench,$(BENCH)/main.c $(BENCH)/overhead_vm.c $(BENCH)/submit.c $(BENCH_SIMULATOR) $(BENCH)/lane_sim.c,loom-bench-experiment loom-bench-run loom-bench-report sched loom-sim loom \
	firmware-sim,-Wl$(comma)-u$(comma)loom_backend_sim -ljansson -lcairo -lfontconfig -ldrm -luring -lelf)
$(call program,loom-bench-vm,$(BENCH)/guest.c $(BENCH)/simulator_guest.c $(BENCH)/simulator_measure.c $(BENCH_SUBMIT) $(BENCH)/no_sim.c,loom-bench-run sched loom,-ljansson -ldrm -luring -lelf)
$(call host-test,loom-bench-report-test,$(BENCH)/test/test_report.c $(BENCH)/no_sim.c,loom-bench-report loom-bench-run loom,-ljansson \
	-lcairo -lfontconfig -ldrm -luring -lelf)
$(call host-script,$(BENCH)/test/no-vm.sh)
$(call host-script,$(BENCH)/test/pairs.sh)
$(call host-test,loom-bench-early,$(BENCH)/test/test_early.c $(BENCH)/early.c)
$(call host-script,$(BENCH)/test/replay.sh)
$(call host-script,$(BENCH)/test/scenario.sh)
$(call host-script,$(BENCH)/test/sweep.sh)
$(call host-script,$(BENCH)/test/simulator.sh)
