package dev.headroom.diag;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.stream.Collectors.toCollection;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rooms of the house and the arrows between them: downward only, and no circle. */
class ArchitectureTest {
    private static final JavaClasses HOUSE = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(at -> !at.contains("module-info") && !at.contains("package-info"))
            .importPackages("dev.headroom");

    @Test
    void shouldPointArrowsDownwardOnly() {
        hold(layeredArchitecture().consideringOnlyDependenciesInLayers().withOptionalLayers(true)
                .layer("linux").definedBy("dev.headroom.linux..")
                .layer("proc").definedBy("dev.headroom.proc..")
                .layer("loop").definedBy("dev.headroom.loop..")
                .layer("echo").definedBy("dev.headroom.echo..")
                .layer("diag").definedBy("dev.headroom.diag")
                .layer("causes").definedBy("dev.headroom.diag.causes..")
                .layer("explain").definedBy("dev.headroom.diag.explain..")
                .layer("json").definedBy("dev.headroom.diag.json..")
                .layer("plan").definedBy("dev.headroom.diag.plan..")
                .layer("lab").definedBy("dev.headroom.diag.lab..")
                .layer("cli").definedBy("dev.headroom.diag.cli..")
                .whereLayer("cli").mayNotBeAccessedByAnyLayer()
                .whereLayer("lab").mayOnlyBeAccessedByLayers("cli")
                .whereLayer("plan").mayOnlyBeAccessedByLayers("cli")
                .whereLayer("explain").mayOnlyBeAccessedByLayers("lab", "cli")
                .whereLayer("json").mayOnlyBeAccessedByLayers("cli")
                .whereLayer("causes").mayOnlyBeAccessedByLayers("explain", "cli")
                .whereLayer("diag").mayOnlyBeAccessedByLayers("causes", "explain", "json", "plan", "lab", "cli")
                .whereLayer("echo").mayOnlyBeAccessedByLayers("lab", "cli")
                .whereLayer("loop").mayOnlyBeAccessedByLayers("echo", "lab", "cli")
                .whereLayer("proc").mayOnlyBeAccessedByLayers("loop", "echo", "diag", "causes", "plan", "lab", "cli"));
    }

    @Test
    void shouldHaveNoCircle() {
        hold(slices().matching("dev.headroom.(**)").should().beFreeOfCycles());
    }

    @Test
    void shouldKnowForeignMemoryOnTheGroundFloorOnly() {
        hold(noClasses().that(resideOutsideOfPackages("dev.headroom.linux..")).should()
                .dependOnClassesThat(resideInAPackage("java.lang.foreign..")));
    }

    @Test
    void shouldPrintAndExitInTheCommandLineOnly() {
        hold(noClasses().that(resideOutsideOfPackages("dev.headroom.diag.cli..")).should()
                .accessField(System.class, "out").orShould().accessField(System.class, "err")
                .orShould().callMethod(System.class, "exit", int.class)
                .orShould().callMethod(Runtime.class, "exit", int.class)
                .orShould().callMethod(Runtime.class, "halt", int.class)
                .orShould().callMethod(Throwable.class, "printStackTrace"));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"dev.headroom.toolkit, java, dev.headroom.none", "dev.headroom.diag, diag, dev.headroom.diag.cli"})
    void shouldExportEveryRoomButTheCommandLine(String name, String folder, String kept) throws IOException {
        Path classes = Path.of(System.getProperty("headroom.root"), folder, "target", "classes");
        try (InputStream in = Files.newInputStream(classes.resolve("module-info.class"))) {
            ModuleDescriptor module = ModuleDescriptor.read(in);
            Set<String> exported = new TreeSet<>();
            module.exports().stream().filter(e -> !e.isQualified()).forEach(e -> exported.add(e.source()));
            Set<String> rooms = HOUSE.stream()
                    .filter(c -> c.getSource().isPresent() && Files.exists(classes.resolve(fileOf(c))))
                    .map(JavaClass::getPackage).map(JavaPackage::getName)
                    .filter(room -> !room.equals(kept)).collect(toCollection(TreeSet::new));

            assertEquals(name, module.name());
            assertEquals(rooms, exported, "exports in " + folder + "/src/main/java/module-info.java");
        }
    }

    private static String fileOf(JavaClass type) {
        return type.getName().replace('.', '/') + ".class";
    }

    /** A room may still be empty: a rule about nothing holds. */
    private static void hold(ArchRule rule) {
        rule.allowEmptyShould(true).check(HOUSE);
    }
}
