import Foundation
import PathwayTraining
import Testing

@Suite struct ScheduleTests {
  @Test func risesInALineAndFallsAlongACosine() {
    let schedule = LearningRateSchedule(base: 0.8, steps: 12, warmup: 4)
    #expect((0..<4).map { schedule($0) } == [0.2, 0.4, 0.6000000000000001, 0.8])
    #expect(schedule(4) == 0.8)
    #expect(abs(schedule(8) - 0.4) < 1e-15)
    for step in 4..<12 {
      #expect(abs(schedule(step) - 0.4 * (1 + cos(.pi * Double(step - 4) / 8))) < 1e-15)
    }
    #expect(schedule(12) == 0)
  }

  @Test func beginsAtTheBaseWithoutWarmup() {
    let schedule = LearningRateSchedule(base: 0.5, steps: 3, warmup: 0)
    #expect(schedule(0) == 0.5 && schedule(2) < schedule(1))
  }

  @Test func warmupIsAtMostTheRun() {
    let schedule = LearningRateSchedule(base: 1, steps: 2, warmup: 5)
    #expect((0..<2).map { schedule($0) } == [0.5, 1])
  }

  @Test func warmupEpochsCountSteps() {
    var recipe = Recipe()
    (recipe.epochs, recipe.warmupEpochs, recipe.learningRate) = (4, 1.5, 2)
    let schedule = LearningRateSchedule(recipe, stepsPerEpoch: 10)
    #expect(schedule.warmup == 15 && schedule.steps == 40 && schedule.base == 2)
  }
}
