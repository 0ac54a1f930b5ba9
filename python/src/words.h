#pragma once

#include "ntt/nn/network.h"
#include "ntt/prune/mask.h"
#include "ntt/sparse/execution.h"
#include "ntt/train/trainer.h"
#include "ntt/transfer/transfer.h"
#include "python/src/options.h"

namespace ntt::python {

// What the program and the package call the values of options.
inline const Words<Scope> kScopes{{"layer", Scope::layer}, {"global", Scope::global}, {"erk", Scope::erk}};
inline const Words<KernelMode> kKernels{{"exact", KernelMode::exact}, {"sketch", KernelMode::sketch}};
inline const Words<Pairs> kPairs{{"cross", Pairs::cross}, {"all", Pairs::all}};
inline const Words<ParameterSet> kParameterSets{{"all", ParameterSet::all}, {"active", ParameterSet::active}};
inline const Words<StudentStatistics> kStatistics{{"running", StudentStatistics::running},
                                                  {"frozen", StudentStatistics::frozen},
                                                  {"batch", StudentStatistics::batch}};
inline const Words<DensitySchedule> kSchedules{{"constant", DensitySchedule::constant},
                                               {"cubic", DensitySchedule::cubic}};
inline const Words<Execution> kExecutions{
    {"auto", Execution::automatic}, {"sparse", Execution::sparse}, {"dense", Execution::dense}};
inline const Words<InitialMask> kInitialMasks{{"magnitude", InitialMask::magnitude},
                                              {"logit-snip", InitialMask::logit_snip}};
inline const Words<Select> kSelects{{"last", Select::last}, {"best-validation", Select::best_validation}};
inline const Words<OptimiserKind> kOptimisers{
    {"adam", OptimiserKind::adam}, {"sgd", OptimiserKind::sgd}, {"nesterov", OptimiserKind::nesterov}};
inline const Words<ScheduleKind> kRateSchedules{{"constant", ScheduleKind::constant},
                                                {"step", ScheduleKind::step},
                                                {"cosine", ScheduleKind::cosine},
                                                {"one-cycle", ScheduleKind::one_cycle}};
inline const Words<MaskRule> kMaskRules{{"none", MaskRule::none}, {"set", MaskRule::set}, {"rigl", MaskRule::rigl}};
inline const Words<Initialisation> kInitialisations{
    {"glorot", Initialisation::glorot}, {"he", Initialisation::he}, {"as-given", Initialisation::as_given}};

}  // namespace ntt::python
