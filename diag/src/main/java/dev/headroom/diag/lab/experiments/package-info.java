/** The experiments of the lab, a class each; {@link dev.headroom.diag.lab.experiments.Experiments} lists them. */
package dev.headroom.diag.lab.experiments;
