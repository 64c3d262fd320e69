import java.lang.annotation.Annotation;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;

/** Prints the keys of cassandra.yaml: "key NAME TYPE" for each, "older NAME NEWER CONVERTER" for older names. */
public class CassandraKeys {
    public static void main(String[] arguments) throws Exception {
        ClassLoader loader = CassandraKeys.class.getClassLoader();
        for (Field field : Class.forName("org.apache.cassandra.config.Config", false, loader).getFields()) {
            if (Modifier.isStatic(field.getModifiers()))
                continue;
            System.out.println("key " + field.getName() + " " + type(field));
            for (Annotation annotation : field.getAnnotations())
                printOlder(field.getName(), annotation);
        }
    }

    private static String type(Field field) {
        Class<?> type = field.getType();
        if (!type.isEnum())
            return type.getName();
        return "one of " + Arrays.stream(type.getFields()).filter(Field::isEnumConstant).map(Field::getName)
                .reduce((left, right) -> left + " " + right).orElse("");
    }

    private static void printOlder(String name, Annotation annotation) throws Exception {
        Class<?> type = annotation.annotationType();
        if (type.getSimpleName().equals("ReplacesList"))
            for (Annotation each : (Annotation[]) type.getMethod("value").invoke(annotation))
                printOlder(name, each);
        else if (type.getSimpleName().equals("Replaces"))
            System.out.println("older " + type.getMethod("oldName").invoke(annotation) + " " + name + " "
                    + type.getMethod("converter").invoke(annotation));
    }
}
